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
    await sleep(100) // the last job's threads go to sleep
    const before = process.cpuUsage()
    await sleep(1000)
    const { user, system } = process.cpuUsage(before)
    await clip.dispose()
    // five threads that spin would take seconds; Node itself takes some milliseconds
    expect((user + system) / 1000).toBeLessThan(150)
  })
})
