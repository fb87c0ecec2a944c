/** What the system tells of its CPUs. Everything it does not tell is left open. */
import { execFileSync } from 'node:child_process'
import { availableParallelism } from 'node:os'

import { readAffinity, readQuota, readTopology } from './linux.js'

export interface LogicalCpu {
  id: number
  /** The same text for hyper-threads of one core. */
  core: string
  /** Relative speed, by whatever measure the system has; the same for all where it tells nothing. */
  capacity: number
}

export interface Machine {
  /** Logical CPUs that the process may use, as Node counts them. */
  logical: number
  /** Those CPUs one by one; empty where the system does not list them. */
  cpus: readonly LogicalCpu[]
  /** Cores without hyper-threads, and the performance cores among them, where the system tells numbers only. */
  physicalCores?: number
  fastCores?: number
  /** CPU time a second that a container grants; Infinity: no limit. */
  quota: number
}

/** Where to look: replaceable in tests. */
export interface System {
  platform: NodeJS.Platform
  arch: string
  logical: number
  /** The root folder of /proc and /sys. */
  root: string
  /** Output of a program; throws where it is not there. */
  run(program: string, args: readonly string[]): string
}

const thisSystem = (): System => ({
  platform: process.platform,
  arch: process.arch,
  logical: availableParallelism(),
  root: '/',
  run: (program, args) => execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 2000 }),
})

/** What does not change while a process runs. */
let topology: LogicalCpu[] | undefined
let counted: Pick<Machine, 'physicalCores' | 'fastCores'> | undefined

export function describeMachine(): Machine {
  const system = thisSystem()
  if (system.platform === 'linux') return describeLinux(system, topology ??= readTopology(system.root))
  return { logical: system.logical, cpus: [], quota: Infinity, ...(counted ??= countCores(system)) }
}

/** The same of a system that is described, nothing remembered. */
export function describeSystem(system: System): Machine {
  if (system.platform === 'linux') return describeLinux(system, readTopology(system.root))
  return { logical: system.logical, cpus: [], quota: Infinity, ...countCores(system) }
}

function describeLinux({ root, logical }: System, all: readonly LogicalCpu[]): Machine {
  const allowed = readAffinity(root)
  const cpus = allowed === undefined ? all : all.filter(({ id }) => allowed.has(id))
  return { logical, cpus, quota: readQuota(root) }
}

function countCores({ platform, arch, logical, run }: System): Pick<Machine, 'physicalCores' | 'fastCores'> {
  if (platform === 'darwin') {
    const physicalCores = sysctl(run, 'hw.physicalcpu')
    // level 0 are the performance cores; Intel Macs have no levels
    if (physicalCores !== undefined) return { physicalCores, fastCores: sysctl(run, 'hw.perflevel0.physicalcpu') ?? physicalCores }
  }
  // Nothing to ask without a program or native code. x64 CPUs of 8 and more logical CPUs nearly all have two to a core, or
  // as many efficiency cores besides; ARM has no hyper-threads.
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
