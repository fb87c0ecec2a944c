/** An x86-64 CPU without SSE4.2, emulated by qemu-user: texts and pixels are encoded, the decoder is refused. */
import { where } from '../helpers/skips'
import { report, root, runCommand, sample } from '../lifecycle/support'

interface Result {
  kernels: string
  lengths: number[]
  refused: { code: string; message: string }
}

where('qemuX64', describe)('an x86-64 CPU without SSE4.2 and POPCNT', () => {
  it('encodes pixels and texts, and refuses an encoded picture with a code instead of ending the process', async () => {
    const body = `
      const { Clip } = require('./dist/index.js')
      void (async () => {
        const clip = await Clip.load(undefined, { threads: 1 })
        const pixels = { data: new Uint8Array(16 * 16 * 3).fill(90), width: 16, height: 16, channels: 3 }
        const vectors = [await clip.encodeImage(pixels), await clip.encodeText('a rocket')]
        const refused = await clip.encodeImage(${JSON.stringify(sample('rocket.png'))}).catch(error => error)
        const { kernels } = clip.info
        console.log(JSON.stringify({ kernels, lengths: vectors.map(vector => Math.hypot(...vector)),
          refused: { code: refused.code, message: refused.message } }))
        await clip.dispose()
        await Clip.load(undefined, { threads: 1, towers: 'image' }) // this alone loads the decoder early
      })()`
    const words = ['-cpu', 'qemu64', process.execPath, '-e', body]
    const { kernels, lengths, refused } = report<Result>(
      await runCommand('qemu-x86_64', words, { cwd: root, timeoutMs: 540_000 }),
    )
    expect(kernels).toContain('scalar')
    expect(lengths).toEqual([expect.closeTo(1, 4), expect.closeTo(1, 4)])
    expect(refused.code).toBe('ERR_CLIP_IMAGE_DECODE')
    expect(refused.message).toMatch(/rocket\.png'? cannot be decoded: the decoder \(sharp\) needs SSE4\.2 and POPCNT/)
  }, 550_000)
})
