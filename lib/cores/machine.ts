/** What the system reports about its CPUs (Linux: in /sys and /proc); unknown values are undefined. */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import path from 'node:path'

export interface LogicalCpu {
  id: number
  /** Equal for hyper-threads of one core. */
  core: string
  /** Relative speed, in any unit; equal for all CPUs if the system reports none. */
  capacity: number
}

export interface Machine {
  /** Logical CPUs that the process may use, as Node counts them. */
  logical: number
  /** Those CPUs one by one; empty if the system does not list them. */
  cpus: readonly LogicalCpu[]
  /** Cores without hyper-threads, and the performance cores among them, if the system reports only numbers. */
  physicalCores?: number
  fastCores?: number
  /** CPU quota of the container, in seconds per second; Infinity: no limit. */
  quota: number
}

/** The sources of information, replaceable in tests. */
export interface System {
  platform: NodeJS.Platform
  arch: string
  logical: number
  /** The root folder of /proc and /sys. */
  root: string
  /** Output of a program; throws if it does not exist. */
  run(program: string, args: readonly string[]): string
}

const thisSystem = (): System => ({
  platform: process.platform,
  arch: process.arch,
  logical: availableParallelism(),
  root: '/',
  run: (program, args) =>
    execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 2000 }),
})

/** What does not change while a process runs. */
type Hardware = Pick<Machine, 'cpus' | 'physicalCores' | 'fastCores'>
let ownHardware: Hardware | undefined

/** This machine, or the one that `system` describes. */
export function describeMachine(system?: System): Machine {
  const { platform, root, logical } = system ?? thisSystem()
  const hardware = system ? hardwareOf(system) : (ownHardware ??= hardwareOf(thisSystem()))
  if (platform !== 'linux') return { logical, ...hardware, quota: Infinity }
  const allowed = readAffinity(root)
  const cpus = allowed === undefined ? hardware.cpus : hardware.cpus.filter(({ id }) => allowed.has(id))
  return { logical, cpus, quota: readQuota(root) }
}

function hardwareOf(system: System): Hardware {
  return system.platform === 'linux' ? { cpus: readTopology(system.root) } : { cpus: [], ...countCores(system) }
}

function countCores({ platform, arch, logical, run }: System): Pick<Machine, 'physicalCores' | 'fastCores'> {
  if (platform === 'darwin') {
    const physicalCores = sysctl(run, 'hw.physicalcpu')
    // level 0 are the performance cores; Intel Macs have no levels
    if (physicalCores !== undefined)
      return { physicalCores, fastCores: sysctl(run, 'hw.perflevel0.physicalcpu') ?? physicalCores }
  }
  // Nothing to ask without a program or native code. Nearly all x64 CPUs with 8 or more logical CPUs have two per core,
  // or as many efficiency cores besides; ARM has no hyper-threads.
  return { physicalCores: arch === 'x64' && logical >= 8 ? Math.ceil(logical / 2) : logical }
}

function sysctl(run: System['run'], name: string): number | undefined {
  try {
    const value = Number(run('/usr/sbin/sysctl', ['-n', name]).trim())
    return Number.isInteger(value) && value > 0 ? value : undefined
  } catch {
    return undefined
  }
}

/**
 * All CPUs listed with their siblings; [] if they are not. Speed: which of Intel's two kinds a CPU is, else
 * `cpu_capacity` (ARM, and virtual machines that pass it on), else its highest frequency.
 */
function readTopology(root: string): LogicalCpu[] {
  const folder = path.join(root, 'sys/devices/system/cpu')
  const slow = parseList(readText(path.join(root, 'sys/devices/cpu_atom/cpus')) ?? '')
  const capacity = slow.size > 0 ? (id: number) => (slow.has(id) ? 0.5 : 1) : readCapacity(folder)
  return cpuNumbers(folder).flatMap(id => {
    const own = path.join(folder, `cpu${id}`, 'topology')
    const siblings = readText(path.join(own, 'core_cpus_list')) ?? readText(path.join(own, 'thread_siblings_list'))
    return siblings === undefined || siblings === '' ? [] : [{ id, core: siblings, capacity: capacity(id) }] // else offline
  })
}

/** The first measure that the system has; equal for all CPUs if it has none. */
function readCapacity(folder: string): (id: number) => number {
  const [any] = cpuNumbers(folder)
  const read = (id: number, file: string) => Number(readText(path.join(folder, `cpu${id}`, file)) ?? NaN)
  const file = ['cpu_capacity', 'cpufreq/cpuinfo_max_freq'].find(name => read(any ?? 0, name) > 0)
  return id => (file === undefined ? 1 : read(id, file) || 0)
}

function cpuNumbers(folder: string): number[] {
  try {
    return readdirSync(folder).flatMap(name => (/^cpu\d+$/.test(name) ? [Number(name.slice(3))] : [])).sort((a, b) =>
      a - b
    )
  } catch {
    return []
  }
}

/** CPUs that the process may run on (taskset, cpusets); undefined: not reported. */
function readAffinity(root: string): Set<number> | undefined {
  const [, list] = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readText(path.join(root, 'proc/self/status')) ?? '') ?? []
  return list === undefined ? undefined : parseList(list)
}

/**
 * CPU quota in cores: the smallest of the process's cgroup and its ancestors, of version 2 (`cpu.max`) and 1
 * (`cpu.cfs_quota_us`). Infinity: no limit.
 */
function readQuota(root: string): number {
  const groups = [...(readText(path.join(root, 'proc/self/cgroup')) ?? '').matchAll(/^\d+:([^:]*):(.*)$/gm)]
  const base = path.join(root, 'sys/fs/cgroup')
  const quotas = [Infinity]
  const unified = groups.find(([, controllers]) => controllers === '')
  for (const folder of upwards(unified?.[2]))
    quotas.push(quotaOf((readText(path.join(base, folder, 'cpu.max')) ?? '').split(/\s+/)))
  const old = groups.find(([, controllers]) => controllers!.split(',').includes('cpu'))
  for (const mount of new Set(['cpu', 'cpu,cpuacct', old?.[1] ?? 'cpu'])) {
    for (const folder of upwards(old?.[2])) {
      const file = (name: string) => readText(path.join(base, mount, folder, name)) ?? ''
      quotas.push(quotaOf([file('cpu.cfs_quota_us'), file('cpu.cfs_period_us')]))
    }
  }
  return Math.min(...quotas)
}

/** A cgroup's folder and its ancestors. In a container the path may be the host's: then only '/' exists. */
function upwards(group = '/'): string[] {
  const parts = group.split('/').filter(part => part !== '' && part !== '..')
  return Array.from({ length: parts.length + 1 }, (_, i) => parts.slice(0, parts.length - i).join('/'))
}

function quotaOf([quota, period]: readonly (string | undefined)[]): number {
  const cores = Number(quota) / Number(period) // 'max' and -1: no limit
  return Number(quota) > 0 && Number(period) > 0 ? cores : Infinity
}

/** '0-3,8' as numbers. */
function parseList(text: string): Set<number> {
  const numbers = new Set<number>()
  for (const [, first, last] of text.matchAll(/(\d{1,5})(?:-(\d{1,5}))?/g)) {
    for (let i = Number(first); i <= Number(last ?? first); i++) numbers.add(i)
  }
  return numbers
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    return undefined
  }
}
