/** No more threads, no more memory, buffers that go away: errors, never the end of the process. */
import { where } from '../helpers/skips'
import { report, runChild, tinyModel } from './support'

async function scene(name: string): Promise<unknown[]> {
  return report<unknown[]>(
    await runChild('lifecycle/scarcity.cjs', [tinyModel, name], { execArgv: ['--expose-gc'], timeoutMs: 30_000 }),
  )
}

// prlimit sets the limits
where('linux', describe)('when the system gives no more threads', () => {
  it('a search goes on with fewer, or says so', async () => {
    const [starved, after] = await scene('searchThreads')
    expect(['ok', 'ERR_CLIP_OUT_OF_MEMORY']).toContain(starved)
    expect(after).toBe('ok')
  })

  it('a session goes on with fewer, or says so', async () => {
    const [starved, after] = await scene('sessionThreads')
    expect(['ok', 'ERR_CLIP_OUT_OF_MEMORY']).toContain(starved)
    expect(after).toBe('ok')
  })

  it('loading says so, other instances go on, and the process can end', async () => {
    expect(await scene('noThread')).toEqual(['ERR_CLIP_OUT_OF_MEMORY', 'ERR_CLIP_OUT_OF_MEMORY', 'ok'])
  })
})

where('linux', it)('when the system gives no more files, what needs a process to be decoded says so', async () => {
  expect(await scene('noDescriptor')).toEqual(['ERR_CLIP_IMAGE_DECODE', 'ok'])
})

describe('buffers that go away under a running call', () => {
  it('a resizable matrix that shrinks', async () => {
    const [outcome, after] = await scene('resized')
    expect(['ok', 'ERR_CLIP_INVALID_ARGUMENT']).toContain(outcome)
    expect(after).toBe('ok')
  })

  it('resizable pixels that shrink', async () => {
    expect(await scene('resizedPixels')).toEqual([true, 'ok'])
  })

  it('pixels that are transferred to another thread', async () => {
    expect(await scene('transferred')).toEqual(['string', 'ok'])
  })
})
