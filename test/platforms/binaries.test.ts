/** Which published binaries suit a Linux machine, by what the runtime's report says of its C library. */
import { suitableBinaries } from '../../lib/native/binaries'

const own = { platform: process.platform, arch: process.arch, report: process.report }
const set = (name: string, value: unknown) => Object.defineProperty(process, name, { value, configurable: true })

beforeEach(() => {
  set('platform', 'linux')
  set('arch', 'arm64')
})
afterEach(() => {
  for (const [name, value] of Object.entries(own)) set(name, value)
})

test.each([
  ['glibc', { header: { glibcVersionRuntime: '2.36' }, sharedObjects: ['/lib/libc.so.6'] }, ['linux-arm64-glibc']],
  ['musl', { header: {}, sharedObjects: ['/usr/bin/node', '/lib/ld-musl-aarch64.so.1'] }, ['linux-arm64-musl']],
  ['musl by another name', { header: {}, sharedObjects: ['/lib/libc.musl-aarch64.so.1'] }, ['linux-arm64-musl']],
  ['neither', { header: {}, sharedObjects: [] }, ['linux-arm64-musl', 'linux-arm64-glibc']],
  ['nothing', {}, ['linux-arm64-musl', 'linux-arm64-glibc']],
])('a report that names %s', (_, report, expected) => {
  set('report', { getReport: () => report })
  expect(suitableBinaries()).toEqual(expected)
})

test('a runtime without reports, and a platform without binaries', () => {
  set('report', undefined)
  expect(suitableBinaries()).toEqual(['linux-arm64-musl', 'linux-arm64-glibc'])
  set('arch', 'riscv64')
  expect(suitableBinaries()).toEqual([])
})
