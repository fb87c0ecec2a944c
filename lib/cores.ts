/** How many cores this process may really use. */
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/**
 * Node's count, which honours CPU affinity, cut to the CPU quota of the container (cgroup v2 `cpu.max`, v1
 * `cpu.cfs_quota_us`): threads beyond the quota would only be put to sleep in the middle of their work.
 *
 * @param read reads a file, or throws; replaceable in tests
 */
export function availableCores(read: (file: string) => string = file => readFileSync(file, 'utf8')): number {
  return Math.max(1, Math.min(availableParallelism(), Math.ceil(cpuQuota(read))))
}

/** Cores' worth of time per period; Infinity: no limit. */
function cpuQuota(read: (file: string) => string): number {
  const numbers = (file: string): number[] => {
    try {
      return read(file).trim().split(/\s+/).map(Number) // 'max' becomes NaN
    } catch {
      return []
    }
  }
  const [quota = NaN, period = NaN] = numbers('/sys/fs/cgroup/cpu.max')
  if (quota > 0 && period > 0) return quota / period
  const [oldQuota = NaN] = numbers('/sys/fs/cgroup/cpu/cpu.cfs_quota_us') // -1: no limit
  const [oldPeriod = NaN] = numbers('/sys/fs/cgroup/cpu/cpu.cfs_period_us')
  return oldQuota > 0 && oldPeriod > 0 ? oldQuota / oldPeriod : Infinity
}
