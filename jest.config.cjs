'use strict'

const measured = process.env.GGCLIP_COVERAGE

/** @type {import('jest').Config} */
module.exports = {
  // the others: jest.wide.config.cjs. A pattern that begins with "!" would match nothing: jest leaves its <rootDir> as it is
  testMatch: ['<rootDir>/test/**/!(*.wide).test.ts'],
  testEnvironment: 'node',
  reporters: ['default', '<rootDir>/test/skip-reporter.cjs'],
  globalSetup: '<rootDir>/test/oracle/build.cjs',
  transform: {
    // hyparquet, its writer and its unpackers are ES modules, which jest's require does not take
    '^.+\\.ts$|/node_modules/(?:hyparquet[\\w-]*|hysnappy)/.+\\.js$': ['@swc/jest', {
      jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
      module: { type: 'commonjs' },
    }],
  },
  transformIgnorePatterns: ['/node_modules/(?!hyparquet|hysnappy)'],
  // sources import each other as './x.js', which exists only after compilation
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  testTimeout: measured ? 300_000 : 60_000,
  maxWorkers: 2,
  // GGCLIP_COVERAGE=FOLDER: the lines that run, for scripts/coverage.cjs
  collectCoverage: Boolean(measured),
  coverageDirectory: measured,
  coverageProvider: 'v8',
  coverageReporters: ['json'],
  collectCoverageFrom: ['lib/**/*.ts'],
}
