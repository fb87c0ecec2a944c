/** How many threads and sessions this process should use. */
import { describeMachine, type Machine } from './machine.js'

/** The most that Clip.load accepts. */
export const mostSessions = 64

/**
 * More threads than this on one batch wait for each other more than they compute: larger machines run several batches.
 */
const mostThreads = 16

/**
 * Number of cores to compute on:
 * - a hyper-threaded core counts once: its two threads share one set of multipliers;
 * - of a hybrid CPU the performance cores, because every operation waits for its slowest thread; the efficiency cores,
 *   too, if there are more than twice as many (two performance cores with eight efficiency cores);
 * - only CPUs that the process may run on;
 * - at most the CPU quota of its container, rounded up: further threads would be suspended in the middle of their work.
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
  // cores of one kind differ by some per cent (favoured cores), cores of two kinds by half or more
  return { all: count(cpus), fast: count(cpus.filter(({ capacity }) => capacity > 0.6 * most)) }
}

export interface Work {
  sessions: number
  threads: number
}

/** Fills in missing values: threads alone are for one session, sessions alone divide all cores. */
export function divideCores({ sessions, threads }: Partial<Work>, cores: () => number = availableCores): Work {
  if (threads !== undefined) return { sessions: sessions ?? 1, threads }
  const all = cores()
  const batches = sessions ?? Math.min(mostSessions, Math.ceil(all / mostThreads))
  return { sessions: batches, threads: Math.max(1, Math.floor(all / Math.max(1, batches))) }
}

/** This machine's cores, now: affinity and quota may change while a process runs. */
export function availableCores(): number {
  return usableCores(describeMachine())
}
