/** The adapters in examples/adapters whose packages npm run test:stores installs, in a folder with these and ggclip. */
import { execFile } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'

import { Clip, cosineSimilarity } from '../../lib/index.js'
import { where } from '../helpers/skips'

const root = path.join(__dirname, '..', '..')
const sample = (name: string): string => path.join(root, 'models', 'samples', name)
const pictures = ['rocket.png', 'pizza.webp', 'guitar.jpg'].map(sample)

where('engines', describe)('adapters', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ggclip-adapters-'))
  let similarity: number
  beforeAll(async () => {
    const packages = path.join(process.env.GGCLIP_TEST_ENGINES!, 'node_modules')
    mkdirSync(path.join(folder, 'node_modules', '@llamaindex'), { recursive: true })
    for (const name of ['@lancedb', '@llamaindex/core', 'apache-arrow'])
      symlinkSync(path.join(packages, name), path.join(folder, 'node_modules', name))
    symlinkSync(root, path.join(folder, 'node_modules', 'ggclip'))
    const clip = await Clip.load()
    similarity = cosineSimilarity(await clip.encodeText('a slice of pizza'), await clip.encodeImage(pictures[1]!))
    await clip.dispose()
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  async function run(name: string, ...args: string[]): Promise<unknown> {
    copyFileSync(path.join(root, 'examples', 'adapters', name), path.join(folder, name))
    const { stdout } = await promisify(execFile)(process.execPath, [name, ...args], { cwd: folder })
    return JSON.parse(stdout)
  }

  test('LlamaIndexTS', async () => {
    expect(await run('llamaindex.mjs', ...pictures)).toEqual({
      best: pictures[1],
      similarity: expect.closeTo(similarity, 5),
      dim: 256,
      same: true,
    })
  })

  test('LanceDB: a table knows its function when another process opens it', async () => {
    const made = await run('lancedb.mjs', 'table', ...pictures)
    expect(made).toEqual([{ path: pictures[1], similarity: expect.closeTo(similarity, 4) }, expect.anything()])
    expect(await run('lancedb.mjs', 'table')).toEqual(made)
  })
})
