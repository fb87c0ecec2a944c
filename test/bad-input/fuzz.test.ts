/** Model files changed at random, the same way at every run: each loads or is refused by code; no crash, no hang. */
import { join } from 'node:path'

import { oracle, report, runChild } from '../lifecycle/support'

const gguf = join(oracle, 'gguf', 'hf-clip-gelu-tiny-f32.gguf')
const directory = join(oracle, 'models', 'hf-clip-gelu-tiny')

describe('fuzz', () => {
  it('hundreds of changed files', async () => {
    const count = process.env.GGCLIP_FUZZ ?? '120'
    const seed = process.env.GGCLIP_FUZZ_SEED ?? '1'
    const ended = await runChild('bad-input/fuzz.cjs', [gguf, directory, count, seed], {
      timeoutMs: Math.max(110_000, Number(count) * 500),
    })
    const { tried, outcomes } = report<{ tried: number; outcomes: Record<string, number> }>(ended)
    expect(tried).toBeGreaterThan(2.4 * Number(count))
    expect(Object.keys(outcomes).filter(outcome => outcome !== 'ok' && !/^ERR_CLIP_[A-Z_]+$/.test(outcome))).toEqual([])
    // a mutation that a file's own checks should have caught must not come out as a defect of ours
    expect(outcomes.ERR_CLIP_INTERNAL).toBeUndefined()
    expect(outcomes.ok).toBeGreaterThanOrEqual(2)
    expect(Object.keys(outcomes).length).toBeGreaterThan(4)
  }, 600_000)
})
