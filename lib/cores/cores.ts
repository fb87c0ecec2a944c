/** How many threads this process should compute with. */
import { describeMachine, type Machine } from './machine.js'

/** As many as Clip.load takes. */
export const mostSessions = 64

/** More threads than this on one batch wait for each other more than they compute: larger machines run several batches. */
const mostThreads = 16

/**
 * Cores worth a thread of arithmetic, by what is known of the machine:
 * - of a hyper-threaded core one thread: two share its multipliers;
 * - of a hybrid CPU the performance cores, because every operation waits for its slowest thread; the efficiency cores, too,
 *   where they are more than twice as many (two performance cores with eight efficiency cores);
 * - only CPUs that the process may run on;
 * - no more than the CPU quota of its container pays for, rounded up: further threads would be put to sleep in the middle.
 */
export function usableCores({ logical, cpus, physicalCores, fastCores, quota }: Machine): number {
  const cores = cpus.length > 0
    ? coresOf(cpus)
    : { all: physicalCores ?? logical, fast: fastCores ?? physicalCores ?? logical }
  const slow = cores.all - cores.fast
  const worth = cores.fast > 0 && slow <= 2 * cores.fast ? cores.fast : cores.all
  return Math.max(1, Math.min(worth, logical, Math.ceil(quota)))
}

function coresOf(cpus: Machine['cpus']): { all: number; fast: number } {
  const most = Math.max(...cpus.map(({ capacity }) => capacity))
  const count = (some: Machine['cpus']) => new Set(some.map(({ core }) => core)).size
  // cores of one kind differ by some per cent (favoured cores), of two kinds by half and more
  return { all: count(cpus), fast: count(cpus.filter(({ capacity }) => capacity > 0.6 * most)) }
}

export interface Work {
  sessions: number
  threads: number
}

/** Fills in what was not asked for: threads alone are one session's, sessions alone share all cores. */
export function divideCores({ sessions, threads }: Partial<Work>, cores: () => number = availableCores): Work {
  if (threads !== undefined) return { sessions: sessions ?? 1, threads }
  const all = cores()
  const batches = sessions ?? Math.min(mostSessions, Math.ceil(all / mostThreads))
  return { sessions: batches, threads: Math.max(1, Math.floor(all / Math.max(1, batches))) }
}

/** Of this machine, now: affinity and quota may change while a process runs. */
export function availableCores(): number {
  return usableCores(describeMachine())
}
