/** Two copies of the package in one process, as two versions in a dependency tree would be. */
import { copyFileSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { addonFile, maxDifference, report, runChild, tinyModel } from './support'

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'ggclip-copies-')))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('two copies of the addon', () => {
  it('work side by side and end cleanly with work running', async () => {
    const addons = ['a.node', 'b.node'].map(name => join(folder, name))
    for (const addon of addons) copyFileSync(process.env.GGCLIP_ADDON ?? addonFile, addon)
    const result = report<
      { same: boolean; files: number; vectors: [number[], number[]]; after: number; error: string }
    >(
      await runChild('lifecycle/copies.cjs', [tinyModel, ...addons]),
    )
    expect(result).toMatchObject({ same: false, files: 2, after: 64, error: 'ERR_CLIP_FILE_FORMAT' })
    expect(maxDifference(...result.vectors)).toBe(0)
  })
})
