'use strict'

/** @type {import('jest').Config} */
module.exports = {
  // the others: jest.wide.config.cjs
  testMatch: ['<rootDir>/test/**/*.test.ts', '!<rootDir>/test/**/*.wide.test.ts'],
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
  testTimeout: 60_000,
  maxWorkers: 2,
}
