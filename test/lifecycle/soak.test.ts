/** Five seconds of scripts/soak.cjs; `npm run test:soak` runs thirty. */
import { join } from 'node:path'

import { report, root, runCommand, tinyModel } from './support'

describe('soak', () => {
  it('5 seconds of mixed calls, aborts and reloads', async () => {
    const script = join(root, 'scripts', 'soak.cjs')
    const ended = await runCommand(process.execPath, ['--expose-gc', script, '--seconds', '5', '--model', tinyModel])
    const { ok, checks, problems, counts } = report<
      { ok: boolean; checks: object; problems: string[]; counts: { done: number } }
    >(ended)
    expect(problems).toEqual([])
    expect([ok, checks]).toEqual([true, checks])
    expect(counts.done).toBeGreaterThan(20)
  })
})
