import { setTimeout as sleep } from 'node:timers/promises'

import { Clip } from '../../lib/index.js'
import { loadAddon } from '../../lib/native/load.js'

// every kernel level has the same thread team; plain ggml has threads of its own
const levels = ['', 'portable']

describe('threads of a loaded model', () => {
  const chosen = process.env.GGCLIP_CPU
  afterAll(() => {
    if (chosen === undefined) delete process.env.GGCLIP_CPU
    else process.env.GGCLIP_CPU = chosen
  })

  it.each(levels)("sleep when there is nothing to do (kernels '%s')", async level => {
    process.env.GGCLIP_CPU = level
    const clip = await Clip.load(undefined, { threads: 3, sessions: 2 })
    expect(clip.info.kernels).toBe(level || loadAddon().build().kernels[0])
    const size = clip.info.vision!.imageSize
    const tensor = new Float32Array(3 * size * size)
    await Promise.all([clip.encodeImage([{ tensor }, { tensor }]), clip.encodeText('a cat')])
    // threads that spin would take a whole core in each of these windows; Node itself, its compiler and its collector now
    // and then take some
    const busyMs: number[] = []
    for (let window = 0; window < 10; window++) {
      await sleep(100)
      const before = process.cpuUsage()
      await sleep(400)
      const { user, system } = process.cpuUsage(before)
      busyMs.push((user + system) / 1000)
      if (busyMs[window]! < 100) break
    }
    await clip.dispose()
    expect(Math.min(...busyMs)).toBeLessThan(100)
  })
})
