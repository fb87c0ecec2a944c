// Everything that may be skipped, where, and when. Tests ask here (test/helpers/skips.ts), and a run in which anything else
// is skipped fails (test/skip-reporter.cjs).
'use strict'

const { spawnSync } = require('node:child_process')
const { existsSync } = require('node:fs')
const { availableParallelism } = require('node:os')
const { join } = require('node:path')
const { findBrowser } = require('../scripts/browser.cjs')
const { platforms, prebuiltFile } = require('../scripts/platforms.cjs')

const runs = (command, ...args) => spawnSync(command, args).status === 0

/** `absent` says why this machine lacks what is needed, or nothing where it has it; `tests`: paths and names that need it. */
const needs = {
  chromium: {
    absent: () =>
      findBrowser() === undefined &&
      'no Chromium (CHROME_PATH, PATH, or from scripts/fetch-chromium.cjs): the web page is not tested in a browser',
    tests: /^test\/server\/page\//,
  },
  systemd: {
    absent: () => !runs('systemd-analyze', '--version') && 'no systemd-analyze',
    tests: /^test\/server\/deploy\.test\.ts: .*systemd/,
  },
  terminal: {
    absent: () =>
      !(process.platform === 'linux' && existsSync('/usr/bin/script')) && 'no /usr/bin/script of util-linux',
    tests: /^test\/cli\/hub\.test\.ts: .*a terminal/,
  },
  twoCores: {
    absent: () => !(process.platform === 'linux' && availableParallelism() > 1) && 'one core alone, or not Linux',
    tests: /^test\/cores\/cores\.test\.ts: affinity/,
  },
  linux: {
    absent: () => process.platform !== 'linux' && 'not Linux: no /proc, no prlimit',
    tests:
      /^test\/(model-files\/quantize|models\/addresses|lifecycle\/scarcity|reference\/dtype|streams\/(cli|log|scarcity))\.test\.ts: |^test\/platforms\/load\.test\.ts: on Linux/,
  },
  mounts: {
    absent: () =>
      !runs('unshare', '-rm', 'mount', '-t', 'tmpfs', 'none', '/mnt') &&
      'no unshare of util-linux, or this user may not mount in a namespace of his own',
    tests: /^test\/(model-files\/writing\.test\.ts: file systems|search\/read-only\.test\.ts: )/,
  },
  python: {
    absent: () => !runs('python3', '-c', 'import pty') && 'no python3, which makes a terminal that is closed',
    tests: /^test\/streams\/log\.test\.ts: .*a terminal/,
  },
  readelf: {
    absent: () =>
      !(process.platform === 'linux' && runs('readelf', '--version')) && 'not Linux, or no readelf of binutils',
    tests: /^test\/platforms\/binary\.test\.ts: the binary of npm run build /,
  },
  prebuilt: {
    absent: () =>
      !(process.platform === 'linux' && runs('readelf', '--version') &&
        platforms.some(platform => existsSync(join(__dirname, '..', prebuiltFile(platform))))) &&
      'no published binary was made here (npm run prebuild), or no readelf of binutils',
    tests: /^test\/platforms\/binary\.test\.ts: published binaries /,
  },
  qemuX64: {
    absent: () =>
      !(process.platform === 'linux' && process.arch === 'x64' && runs('qemu-x86_64', '--version')) &&
      'no qemu-x86_64 of qemu-user, or not Linux on x64: no CPU without SSE4.2 is emulated',
    tests: /^test\/platforms\/cpu\.test\.ts: /,
  },
  engines: {
    absent: () =>
      process.env.GGCLIP_TEST_ENGINES === undefined && 'LanceDB and PostgreSQL are tested by npm run test:stores alone',
    tests: /^test\/(stores|work)\//,
  },
  prometheus: {
    absent: () =>
      (process.env.GGCLIP_TEST_ENGINES === undefined &&
        'Prometheus scrapes workers in npm run test:stores alone') ||
      (!runs('prometheus', '--version') && 'no prometheus: the dashboards of deploy/ are not asked for their series'),
    tests: /^test\/work\/dashboards\.test\.ts: /,
  },
  redis: {
    absent: () => !runs('redis-server', '--version') && 'no redis-server: the queue of distributed work is not tested',
    tests: /^test\/work\//,
  },
  posix: {
    absent: () => process.platform === 'win32' && 'Windows: no ulimit, no other users, no /bin/sh',
    tests:
      /^test\/(model-files\/(quantize|writing)|models\/(transfer|surroundings)|cli\/texts|embeddings\/captions|image\/own-program|search\/read-only)\.test\.ts: /,
  },
}

module.exports = { needs }
