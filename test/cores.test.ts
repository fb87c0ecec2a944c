import { availableParallelism } from 'node:os'

import { availableCores } from '../lib/cores.js'

const files = (contents: Record<string, string>) => (file: string) => {
  if (contents[file] === undefined) throw new Error('ENOENT')
  return contents[file]
}
const all = availableParallelism()

test('without a quota all cores count', () => {
  expect(availableCores(files({}))).toBe(all)
  expect(availableCores(files({ '/sys/fs/cgroup/cpu.max': 'max 100000\n' }))).toBe(all)
  expect(availableCores(files({ '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n', '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n' }))).toBe(all)
})

test('a quota is rounded up to whole cores, at least one, never more than there are', () => {
  expect(availableCores(files({ '/sys/fs/cgroup/cpu.max': '50000 100000\n' }))).toBe(1)
  expect(availableCores(files({ '/sys/fs/cgroup/cpu.max': '150000 100000\n' }))).toBe(Math.min(2, all))
  expect(availableCores(files({ '/sys/fs/cgroup/cpu.max': '99900000 100000\n' }))).toBe(all)
  expect(availableCores(files({ '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '100000', '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000' }))).toBe(1)
})

test('a broken file is no limit', () => {
  expect(availableCores(files({ '/sys/fs/cgroup/cpu.max': 'nonsense' }))).toBe(all)
  expect(availableCores(files({ '/sys/fs/cgroup/cpu.max': '0 0' }))).toBe(all)
})
