/** Memory and threads come back: 60 rounds in a process of its own. */
import { join } from 'node:path'

import { report, root, runChild, tinyModel } from './support'

const median = (values: number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!

describe('memory', () => {
  // one round leaked would be 6 MiB of weights or a thread's stack
  it.each(['dispose', 'forget', 'abandon', 'fail', 'search'])('60 rounds of %s', async scene => {
    const ended = await runChild('lifecycle/memory.cjs', [tinyModel, scene], {
      execArgv: ['--expose-gc'],
      timeoutMs: 58_000,
    })
    const { rss, threads } = report<{ rss: number[]; threads: number[] }>(ended)
    expect(rss).toHaveLength(60)
    expect(median(rss.slice(50)) - median(rss.slice(10, 20))).toBeLessThan(20)
    expect(median(threads.slice(50))).toBeLessThanOrEqual(median(threads.slice(5, 15)) + 2)
  })

  // the scratch of 400 pictures is 40 MiB; half of it would stay in the heap of a thread that has ended
  it('scratch memory goes back to the system', async () => {
    const ended = await runChild('lifecycle/scratch.cjs', [join(root, 'models', 'emoji-clip.gguf')], {
      execArgv: ['--expose-gc'],
      timeoutMs: 58_000,
    })
    const { small, large } = report<{ small: number[]; large: number[] }>(ended)
    expect(median(large.slice(3)) - median(small)).toBeLessThan(45)
  })
})
