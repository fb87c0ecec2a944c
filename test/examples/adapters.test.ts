/** The adapters in examples/adapters, each run with the package that it is for. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'

import { Clip, cosineSimilarity } from '../../lib/index.js'

const root = path.join(__dirname, '..', '..')
const sample = (name: string): string => path.join(root, 'models', 'samples', name)
const pictures = ['rocket.png', 'pizza.webp', 'guitar.jpg'].map(sample)
const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-adapters-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

async function run(name: string, ...args: string[]): Promise<unknown> {
  const file = path.join(root, 'examples', 'adapters', name)
  const { stdout } = await promisify(execFile)(process.execPath, [file, ...args], { cwd: root })
  return JSON.parse(stdout)
}

test('LangChain.js', async () => {
  expect(await run('langchain.mjs', ...pictures)).toEqual({ best: sample('pizza.webp'), dim: 256, same: true })
})

test('Vercel AI SDK', async () => {
  expect(await run('ai-sdk.mjs')).toEqual({ dim: 256, nearer: true })
})

test('sqlite-vec, added twice, gives the similarities of the library', async () => {
  const file = path.join(scratch, 'pictures.db')
  const first = await run('sqlite-vec.mjs', file, ...pictures)
  const again = await run('sqlite-vec.mjs', file, ...pictures) as { path: string; similarity: number }[]
  expect(again).toEqual(first)
  expect(again).toHaveLength(2)
  const clip = await Clip.load()
  const text = await clip.encodeText('a slice of pizza')
  expect(again[0]).toEqual({
    path: sample('pizza.webp'),
    similarity: expect.closeTo(cosineSimilarity(text, await clip.encodeImage(sample('pizza.webp'))), 4),
  })
  await clip.dispose()
})
