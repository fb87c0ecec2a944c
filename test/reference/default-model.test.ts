/** The embedded model: its size, what it says of its samples, and its accuracy beside PyTorch's. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import sharp from 'sharp'

import { Clip } from '../../lib/index.js'
import { errorCodeOf } from '../../lib/errors.js'
import { defaultModelPath } from '../../lib/models/model-path.js'

const samples = path.join(__dirname, '..', '..', 'models', 'samples')
const heldout = path.join(__dirname, '..', 'fixtures', 'heldout')
const clothing = ['dress', 'hat', 'long sleeve top', 'jacket', 'pants', 'shirt', 'shoes', 'shorts', 'skirt', 't-shirt']
/** scripts/oracle/evaluate_heldout.py: float32 weights in PyTorch, one prompt a label. */
const pytorch = { pictures: 300, top1: 36.67, top5: 62.67 }

const labelled = Object.entries(
  JSON.parse(readFileSync(path.join(samples, 'samples.json'), 'utf8')) as Record<string, { label: string }>,
).map(([file, { label }]): [string, string] => [file, label])
const drawings = labelled.filter(([file]) => !file.startsWith('photo-'))
const photographs = labelled.filter(([file]) => /^photo-(dress|pants|shoes)\./.test(file))

describe('the default model', () => {
  let clip: Clip
  beforeAll(async () => {
    clip = await Clip.load()
  })
  afterAll(() => clip.dispose())

  it('is below 8 MB', () => {
    expect(statSync(defaultModelPath).size).toBeLessThan(8e6)
  })

  it('says what it is', () => {
    expect(clip.info).toMatchObject({ name: 'ggclip/emoji-clip', license: 'MIT', format: 'gguf', dim: 256 })
    expect(clip.info.vision).toMatchObject({
      imageSize: 64,
      patchSize: 8,
      layers: 6,
      width: 256,
      mean: [0.5, 0.5, 0.5],
      std: [0.5, 0.5, 0.5],
    })
    expect(clip.info.text).toMatchObject({ contextLength: 32, vocabSize: 4096, layers: 4, causal: true })
    expect(clip.info.types.q5_1?.tensors).toBeGreaterThan(50)
  })

  it('has twelve drawings and three photographs to be right about', () => {
    expect([drawings.length, photographs.length]).toEqual([12, 3])
  })

  it.each(drawings)('%s is first a %s, among the drawings and the clothing', async (file, label) => {
    const labels = [...drawings.map(([, name]) => name), ...clothing]
    const [best] = await clip.classify(path.join(samples, file), labels)
    expect(best!.label).toBe(label)
  })

  it.each(photographs)('%s is first a %s, among the clothing', async (file, label) => {
    const [best] = await clip.classify(path.join(samples, file), clothing)
    expect(best!.label).toBe(label)
  })
})

describe('its tokenizer', () => {
  const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-default-'))
  const broken = path.join(scratch, 'broken-tokenizer.gguf')
  beforeAll(() => {
    const file = readFileSync(defaultModelPath)
    const at = file.indexOf('"added_tokens"')
    expect(at).toBeGreaterThan(0)
    file.write('!!!!', at)
    writeFileSync(broken, file)
  })
  afterAll(() => rmSync(scratch, { recursive: true, force: true }))

  it.each(['image', 'both'] as const)('is not parsed for images (towers: %s)', async towers => {
    await using whole = await Clip.load()
    await using clip = await Clip.load(broken, { towers })
    const picture = path.join(samples, 'rocket.png')
    expect(await clip.encodeImage(picture)).toEqual(await whole.encodeImage(picture))
  })

  it('is parsed for texts', async () => {
    await using clip = await Clip.load(broken)
    await expect(clip.encodeText('a rocket').catch(errorCodeOf)).resolves.toBe('ERR_CLIP_TOKENIZER_INVALID')
  })
})

describe('on drawings of a style it never saw', () => {
  /** In the order of the sheet's tiles, 20 in a row. */
  const pictures = Object.values(
    JSON.parse(readFileSync(path.join(heldout, 'labels.json'), 'utf8')) as Record<string, string>,
  )
  const labels = [...new Set(pictures)]
  const tile = (i: number): Promise<Buffer> =>
    sharp(path.join(heldout, 'heldout.webp'))
      .extract({ left: 72 * (i % 20), top: 72 * Math.floor(i / 20), width: 72, height: 72 }).png({
        compressionLevel: 1,
      }).toBuffer()

  it('is as often right as in PyTorch', async () => {
    await using clip = await Clip.load()
    expect(pictures).toHaveLength(pytorch.pictures)
    const files = await Promise.all(pictures.map((_, i) => tile(i)))
    const { logits } = await clip.similarity(
      files,
      labels.map(label => `a photo of a ${label}`),
    )
    const ranks = pictures.map((label, i) => {
      const own = logits[i]![labels.indexOf(label)]!
      return logits[i]!.filter(logit => logit > own).length
    })
    const share = (k: number): number => (100 * ranks.filter(rank => rank < k).length) / ranks.length
    if (process.env.GGCLIP_REPORT) process.stderr.write(`REPORT held-out: top-1 ${share(1)}, top-5 ${share(5)}\n`)
    expect(Math.abs(share(1) - pytorch.top1)).toBeLessThanOrEqual(1)
    expect(Math.abs(share(5) - pytorch.top5)).toBeLessThanOrEqual(1)
  })
})
