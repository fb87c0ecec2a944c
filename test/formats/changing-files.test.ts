/** Files that are shortened or overwritten in place: the old numbers or a coded error, never a crash, never other numbers. */
import { copyFileSync, cpSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'

import { Clip, convert, inspect, quantize } from '../../lib/index.js'
import { configOf, type Form, forms, outcome, picture, plain, scratch, tensorsOf, text, tokenizerFiles, type Vectors,
  vectorsOf, writeFolder } from './support'

const folder = scratch('changing')
const root = path.join(__dirname, '..', '..')
const emoji = path.join(root, 'models', 'emoji-clip.gguf')
const tensors = tensorsOf(path.join(plain, 'model.safetensors'))

const changes: [string, (file: string) => void][] = [
  ['shortened', file => truncateSync(file, 100)],
  ['emptied', file => truncateSync(file, 0)],
  ['overwritten by less', file => writeFileSync(file, Buffer.alloc(1000))],
  ['overwritten by as much', file => writeFileSync(file, Buffer.alloc(statSync(file).size, 0xff), { flag: 'r+' })],
  ['overwritten by another model', file => copyFileSync(path.join(plain, 'model.safetensors'), file)],
]

const raw = { normalize: false }
const calls = async (clip: Clip): Promise<Vectors> => ({
  image: await clip.encodeImage(picture, raw),
  text: await clip.encodeText(text, raw),
})

describe('a loaded model', () => {
  it.each(changes)('%s: the old numbers, at every kernel level', async (_, change) => {
    for (const kernels of ['', 'portable']) {
      const file = path.join(folder, 'loaded.gguf')
      copyFileSync(emoji, file)
      const before = process.env.GGCLIP_CPU
      if (kernels) process.env.GGCLIP_CPU = kernels
      await using clip = await Clip.load(file, { threads: 1 }).finally(() => {
        if (before === undefined) delete process.env.GGCLIP_CPU
        else process.env.GGCLIP_CPU = before
      })
      await using untouched = await Clip.load(emoji, { threads: 1 })
      change(file)
      const [changed, expected] = [await calls(clip), await calls(untouched)]
      if (kernels === '') expect(changed).toEqual(expected)
      else expect([...changed.image!, ...changed.text!].every(Number.isFinite)).toBe(true)
    }
  })

  it.each(Object.keys(forms) as Form[])('every form of weights, %s', async form => {
    const source = writeFolder(path.join(folder, `form-${form}`), configOf(plain), tensors, { form })
    await using clip = await Clip.load(source, { threads: 1 })
    const expected = await calls(clip)
    for (
      const file of ['model.safetensors', 'pytorch_model.bin', 'part-1-of-2.safetensors', 'part-2-of-2.bin',
        ...tokenizerFiles, 'config.json']
    ) {
      try {
        statSync(path.join(source, file))
      } catch {
        continue
      }
      truncateSync(path.join(source, file), 10)
    }
    expect(await calls(clip)).toEqual(expected)
  })
})

describe('a model that is being read', () => {
  const source = path.join(folder, 'reading.gguf')
  const output = path.join(folder, 'output.gguf')
  const readers: [string, () => Promise<Vectors>][] = [
    ['load', () => vectorsOf(source)],
    ['convert', async () => {
      await convert(source, output, { threads: 1 })
      return vectorsOf(output)
    }],
    ['quantize', async () => {
      await quantize(source, output, { dtype: 'q8_0', policy: 'uniform', threads: 1 })
      return vectorsOf(output)
    }],
    ['inspect', async () => {
      await inspect(source)
      return {}
    }],
  ]

  it.each(readers)('%s, at random moments', async (_, read) => {
    copyFileSync(emoji, source)
    const started = performance.now()
    const expected = await read()
    const duration = performance.now() - started
    const seen = new Set<string>()
    for (let round = 0; round < 15; round++) {
      const change = changes[round % changes.length]![1]
      copyFileSync(emoji, source)
      const reading = outcome(read())
      await setTimeout((round / 15) * duration * 0.7)
      change(source)
      const found = await reading
      seen.add(typeof found === 'string' ? found : 'read')
      if (typeof found !== 'string') expect(found).toEqual(expected)
    }
    expect(
      [...seen].every(code => /^read$|^ERR_CLIP_FILE_|^ERR_CLIP_MODEL_|^ERR_CLIP_TENSOR_|^ERR_CLIP_CONFIG_/.test(code)),
    ).toBe(true)
  })

  it('a folder whose files are rewritten all the time', async () => {
    const target = path.join(folder, 'rewritten')
    cpSync(plain, target, { recursive: true })
    const expected = await vectorsOf(plain)
    const files = ['model.safetensors', 'config.json', ...tokenizerFiles]
    let stop = false
    const writer = (async () => {
      for (let i = 0; !stop; i++) {
        const file = files[i % files.length]!
        const bytes = readFileSync(path.join(plain, file))
        writeFileSync(path.join(target, file), i % 2 ? bytes.subarray(0, bytes.length >> 1) : bytes)
        await setTimeout(i % 7)
        writeFileSync(path.join(target, file), bytes)
        await setTimeout(i % 5)
      }
    })()
    const results = new Set<string>()
    for (let i = 0; i < 25; i++) {
      const found = await outcome(vectorsOf(target))
      if (typeof found !== 'string') expect(found).toEqual(expected)
      results.add(typeof found === 'string' ? found : 'read')
    }
    stop = true
    await writer
    expect(await vectorsOf(target)).toEqual(expected)
  })
})
