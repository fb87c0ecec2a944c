import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import path from 'node:path'

import { availableCores, divideCores, usableCores } from '../../lib/cores/cores.js'
import { describeMachine, type LogicalCpu, type Machine, type System } from '../../lib/cores/machine.js'
import { where } from '../helpers/skips'

/** `cores` of so many threads each, numbered as Linux does: all first threads, then all second ones. */
function cpus(cores: number, threads = 1, capacity: (core: number) => number = () => 1024): LogicalCpu[] {
  return Array.from(
    { length: cores * threads },
    (_, id) => ({ id, core: `${id % cores}`, capacity: capacity(id % cores) }),
  )
}
function hybrid(fast: number, slow: number, hyperThreaded = true): LogicalCpu[] {
  const performance = Array.from(
    { length: fast * (hyperThreaded ? 2 : 1) },
    (_, id) => ({ id, core: `p${id % fast}`, capacity: 1 }),
  )
  return [...performance,
    ...Array.from({ length: slow }, (_, i) => ({ id: performance.length + i, core: `e${i}`, capacity: 0.5 }))]
}
const machine = (list: LogicalCpu[], more: Partial<Machine> = {}): Machine => ({
  logical: list.length,
  cpus: list,
  quota: Infinity,
  ...more,
})

describe('cores that are worth a thread', () => {
  it.each<[string, Machine, number]>([
    ['1 core', machine(cpus(1)), 1],
    ['2 cores', machine(cpus(2)), 2],
    ['8 cores', machine(cpus(8)), 8],
    ['64 cores', machine(cpus(64)), 64],
    ['1 core of 2 threads', machine(cpus(1, 2)), 1],
    ['8 cores of 2 threads', machine(cpus(8, 2)), 8],
    ['64 cores of 2 threads', machine(cpus(64, 2)), 64],
    ['20 cores of 8 threads (POWER)', machine(cpus(20, 8)), 20],
    ['favoured cores, some per cent faster', machine(cpus(8, 2, core => (core < 2 ? 5_700_000 : 5_200_000))), 8],
    ['8 performance cores with threads, 16 efficiency cores', machine(hybrid(8, 16)), 8],
    ['6 + 8', machine(hybrid(6, 8)), 6],
    ['2 + 8: most of the machine are its efficiency cores', machine(hybrid(2, 8)), 10],
    ['4 + 4 of ARM, one much larger core among them',
      machine(cpus(8, 1, core => (core === 0 ? 1024 : core < 4 ? 870 : 380))), 4],
    ['only efficiency cores allowed', machine(hybrid(8, 8).slice(16)), 8],
    ['affinity: both threads of one core', machine(cpus(8, 2).filter(({ id }) => id === 3 || id === 11)), 1],
    ['affinity: two cores of eight', machine(cpus(8, 2).filter(({ id }) => id === 3 || id === 4)), 2],
    ['a quota of half a core', machine(cpus(8), { quota: 0.5 }), 1],
    ['a quota of a core and a half', machine(cpus(8), { quota: 1.5 }), 2],
    ['a quota of three cores, of eight with threads', machine(cpus(8, 2), { quota: 3 }), 3],
    ['a quota beyond the machine', machine(cpus(4, 2), { quota: 900 }), 4],
    ['Node counts less than the list: it knows better', machine(cpus(8), { logical: 3 }), 3],
    ['nothing known but the number', machine([], { logical: 6 }), 6],
    ['nothing known but the number, and a quota', machine([], { logical: 6, quota: 2 }), 2],
    ['numbers only: Apple, 8 performance and 2 efficiency cores',
      machine([], { logical: 10, physicalCores: 10, fastCores: 8 }), 8],
    ['numbers only: Intel Mac', machine([], { logical: 16, physicalCores: 8, fastCores: 8 }), 8],
  ])('%s', (_, described, expected) => {
    expect(usableCores(described)).toBe(expected)
  })
})

describe('sessions and threads', () => {
  it.each([
    [1, {}, { sessions: 1, threads: 1 }],
    [2, {}, { sessions: 1, threads: 2 }],
    [8, {}, { sessions: 1, threads: 8 }],
    [16, {}, { sessions: 1, threads: 16 }],
    [24, {}, { sessions: 2, threads: 12 }],
    [64, {}, { sessions: 4, threads: 16 }],
    [192, {}, { sessions: 12, threads: 16 }],
    [4096, {}, { sessions: 64, threads: 64 }],
    [64, { sessions: 1 }, { sessions: 1, threads: 64 }],
    [64, { threads: 4 }, { sessions: 1, threads: 4 }],
    [8, { sessions: 3 }, { sessions: 3, threads: 2 }],
    [2, { sessions: 5 }, { sessions: 5, threads: 1 }],
    [2, { sessions: 2, threads: 7 }, { sessions: 2, threads: 7 }],
  ])('%d cores, asked for %j', (cores, asked, expected) => {
    expect(divideCores(asked, () => cores)).toEqual(expected)
  })

  it('asks for the cores only when it has to', () => {
    expect(divideCores({ threads: 3 }, () => {
      throw new Error('asked')
    })).toEqual({ sessions: 1, threads: 3 })
  })
})

describe('what Linux tells', () => {
  const roots: string[] = []
  afterAll(() => roots.forEach(root => rmSync(root, { recursive: true })))

  function system(files: Record<string, string>, logical: number): System {
    const root = mkdtempSync(path.join(tmpdir(), 'ggclip-cores-'))
    roots.push(root)
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(path.dirname(path.join(root, name)), { recursive: true })
      writeFileSync(path.join(root, name), `${text}\n`)
    }
    return {
      platform: 'linux',
      arch: 'x64',
      logical,
      root,
      run: () => {
        throw new Error('no program is needed')
      },
    }
  }
  const cpu = (id: number, siblings: string, more: Record<string, string> = {}) => ({
    [`sys/devices/system/cpu/cpu${id}/topology/thread_siblings_list`]: siblings,
    ...Object.fromEntries(
      Object.entries(more).map(([name, text]) => [`sys/devices/system/cpu/cpu${id}/${name}`, text]),
    ),
  })
  const fourOfTwo = Object.assign(
    {},
    ...[0, 1, 2, 3].map(id => ({ ...cpu(id, `${id},${id + 4}`), ...cpu(id + 4, `${id},${id + 4}`) })),
  ) as Record<string, string>
  const cores = (files: Record<string, string>, logical: number) => usableCores(describeMachine(system(files, logical)))

  it('siblings', () => {
    expect(cores(fourOfTwo, 8)).toBe(4)
    expect(describeMachine(system(fourOfTwo, 8)).cpus.map(({ id }) => id)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  })

  it('the newer name of the file first', () => {
    expect(
      cores({
        ...cpu(0, '0', { 'topology/core_cpus_list': '0-1' }),
        ...cpu(1, '1', { 'topology/core_cpus_list': '0-1' }),
      }, 2),
    ).toBe(1)
  })

  it('a CPU that is offline has no siblings', () => {
    expect(
      cores({
        ...fourOfTwo,
        ...cpu(8, ''),
        'sys/devices/system/cpu/cpu9/online': '0',
        'sys/devices/system/cpu/cpufreq/x': '',
      }, 8),
    ).toBe(4)
  })

  it('affinity', () => {
    expect(cores({ ...fourOfTwo, 'proc/self/status': 'Name:\tnode\nCpus_allowed:\t13\nCpus_allowed_list:\t0-1,4' }, 3))
      .toBe(2)
  })

  it("Intel's two kinds", () => {
    const files = {
      ...cpu(0, '0-1'),
      ...cpu(1, '0-1'),
      ...cpu(2, '2'),
      ...cpu(3, '3'),
      'sys/devices/cpu_core/cpus': '0-1',
      'sys/devices/cpu_atom/cpus': '2-3',
    }
    expect(cores(files, 4)).toBe(1)
    expect(cores({ ...files, 'proc/self/status': 'Cpus_allowed_list:\t2-3' }, 2)).toBe(2)
  })

  it('capacity before frequency', () => {
    const of = (id: number, capacity: string, frequency: string) =>
      cpu(id, `${id}`, { cpu_capacity: capacity, 'cpufreq/cpuinfo_max_freq': frequency })
    expect(
      cores(
        { ...of(0, '446', '1000'), ...of(1, '446', '1000'), ...of(2, '1024', '1000'), ...of(3, '1024', '1000') },
        4,
      ),
    ).toBe(2)
    const only = (id: number, frequency: string) => cpu(id, `${id}`, { 'cpufreq/cpuinfo_max_freq': frequency })
    expect(cores({ ...only(0, '1800000'), ...only(1, '3000000'), ...only(2, '1700000') }, 3)).toBe(1)
  })

  it('nothing at all', () => expect(cores({}, 5)).toBe(5))

  it.each<[string, Record<string, string>, number]>([
    ['version 2, of the container', { 'proc/self/cgroup': '0::/', 'sys/fs/cgroup/cpu.max': '150000 100000' }, 2],
    ['version 2, no limit', { 'proc/self/cgroup': '0::/', 'sys/fs/cgroup/cpu.max': 'max 100000' }, 4],
    ['version 2, of a service', {
      'proc/self/cgroup': '0::/system.slice/ggclip.service',
      'sys/fs/cgroup/system.slice/ggclip.service/cpu.max': '100000 100000',
    }, 1],
    ['version 2, of the slice above it', {
      'proc/self/cgroup': '0::/system.slice/ggclip.service',
      'sys/fs/cgroup/system.slice/ggclip.service/cpu.max': 'max 100000',
      'sys/fs/cgroup/system.slice/cpu.max': '210000 100000',
    }, 3],
    ["version 2, the path is the host's", {
      'proc/self/cgroup': '0::/docker/0123abcd',
      'sys/fs/cgroup/cpu.max': '50000 100000',
    }, 1],
    ['version 1', {
      'proc/self/cgroup': '3:cpu,cpuacct:/\n1:memory:/x',
      'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '200000',
      'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': '100000',
    }, 2],
    ['version 1, deeper', {
      'proc/self/cgroup': '3:cpu:/a/b',
      'sys/fs/cgroup/cpu/a/b/cpu.cfs_quota_us': '100000',
      'sys/fs/cgroup/cpu/a/b/cpu.cfs_period_us': '100000',
    }, 1],
    ['version 1, no limit', {
      'proc/self/cgroup': '3:cpu:/',
      'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1',
      'sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000',
    }, 4],
    ['no list of groups', { 'sys/fs/cgroup/cpu.max': '100000 100000' }, 1],
    ['nonsense', { 'proc/self/cgroup': '0::/', 'sys/fs/cgroup/cpu.max': 'nonsense' }, 4],
    ['zeros', { 'proc/self/cgroup': '0::/', 'sys/fs/cgroup/cpu.max': '0 0' }, 4],
    ['a path that leads elsewhere', { 'proc/self/cgroup': '0::/../../x', 'sys/fs/cgroup/x/cpu.max': '100000 100000' },
      1],
  ])('quota: %s', (_, files, expected) => {
    expect(cores({ ...fourOfTwo, ...files }, 8)).toBe(expected)
  })
})

describe('what other systems tell', () => {
  const numbers: Record<string, string> = { 'hw.physicalcpu': '10\n', 'hw.perflevel0.physicalcpu': '8\n' }
  const system = (
    platform: NodeJS.Platform,
    arch: string,
    logical: number,
    known: Record<string, string> = {},
  ): System => ({
    platform,
    arch,
    logical,
    root: path.join(tmpdir(), 'no', 'such'),
    run(_, args) {
      const answer = known[args[1]!]
      if (answer === undefined) throw new Error('unknown oid')
      return answer
    },
  })

  it.each<[string, System, number]>([
    ['Apple silicon', system('darwin', 'arm64', 10, numbers), 8],
    ['an Intel Mac', system('darwin', 'x64', 16, { 'hw.physicalcpu': '8' }), 8],
    ['a Mac that tells nothing', system('darwin', 'arm64', 8), 8],
    ['a Mac that tells nonsense', system('darwin', 'arm64', 8, { 'hw.physicalcpu': 'many' }), 8],
    ['Windows, 8 cores of 2 threads', system('win32', 'x64', 16), 8],
    ['Windows, 4 cores', system('win32', 'x64', 4), 4],
    ['Windows on ARM', system('win32', 'arm64', 12), 12],
  ])('%s', (_, described, expected) => {
    expect(usableCores(describeMachine(described))).toBe(expected)
  })
})

test('this machine has between one core and as many as Node counts', () => {
  expect(availableCores()).toBeGreaterThanOrEqual(1)
  expect(availableCores()).toBeLessThanOrEqual(availableParallelism())
})

where('twoCores', test)('affinity of a real process', () => {
  const script = "process.stdout.write(String(require('./dist/cores/cores.js').availableCores()))"
  const run = (command: string, args: string[]) =>
    execFileSync(command, args, { cwd: path.join(__dirname, '..', '..'), encoding: 'utf8' })
  expect(run('taskset', ['-c', '0', process.execPath, '-e', script])).toBe('1')
})
