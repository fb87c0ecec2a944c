/** What the system reports about its CPUs; unknown values are undefined. */
import { execFileSync } from 'node:child_process'
import { availableParallelism } from 'node:os'

import { type LogicalCpu, readAffinity, readQuota, readTopology } from './linux.js'

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
