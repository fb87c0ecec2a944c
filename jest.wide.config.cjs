// Tests that take minutes: a model of every family, the packed archive, bundlers (npm run test:wide).

'use strict'

module.exports = { ...require('./jest.config.cjs'), testMatch: ['<rootDir>/test/**/*.wide.test.ts'] }
