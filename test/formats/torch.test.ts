/** PyTorch checkpoints: those that PyTorch wrote give the reference's numbers, wrong ones are refused by name. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { Clip } from '../../lib/index.js'
import { expectClose } from '../helpers/compare'
import { fixtures } from '../helpers/oracle'
import { TensorFile } from '../helpers/safetensors'

type Bytes = Buffer
interface Maker {
  zip(entries: [string, Bytes, object?][], options?: object): Bytes
  op(text: string): Bytes
  global(module: string, name: string): Bytes
  text(value: string): Bytes
  integer(value: number | bigint): Bytes
  tuple(items: Bytes[]): Bytes
  dict(pairs: [Bytes, Bytes][]): Bytes
  pickle(value: Bytes): Bytes
  tensor(parts: object): Bytes
  checkpoint(tensors: Record<string, { dtype: string; shape: number[]; data: Bytes }>, options?: object): Bytes
}
const { zip, op, global, text, integer, tuple, dict, pickle, tensor, checkpoint } = require(
  '../fixtures/torch/zip.cjs',
) as Maker

const made = path.join(__dirname, '..', 'fixtures', 'torch')
const folder = mkdtempSync(path.join(tmpdir(), 'ggclip-torch-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const pixels = {
  data: Uint8Array.from({ length: 300 }, (_, i) => (i * 37) % 256),
  width: 10,
  height: 10,
  channels: 3 as const,
}
const raw = { normalize: false }

/** The tensors of a safetensors file, as bytes. */
function tensorsOf(file: string): Record<string, { dtype: string; shape: number[]; data: Buffer }> {
  const bytes = readFileSync(file)
  const end = 8 + Number(bytes.readBigUInt64LE(0))
  const header = JSON.parse(bytes.toString('utf8', 8, end)) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >
  return Object.fromEntries(
    Object.entries(header).filter(([name]) => name !== '__metadata__').map(([name, entry]) => [
      name,
      {
        dtype: entry.dtype,
        shape: entry.shape,
        data: bytes.subarray(end + entry.data_offsets[0], end + entry.data_offsets[1]),
      },
    ]),
  )
}

/** A copy of a checkpoint's folder without its weights. */
function withoutWeights(name: string, copy: string): string {
  const target = path.join(folder, copy)
  cpSync(path.join(fixtures, name), target, { recursive: true })
  for (const file of readdirSync(target)) if (/safetensors/.test(file)) rmSync(path.join(target, file))
  return target
}

describe('checkpoints that PyTorch wrote', () => {
  it('reads the state of a training run, with transposed and sliced tensors, to the same numbers', async () => {
    await using torch = await Clip.load(path.join(made, 'open-clip-epoch'))
    await using safetensors = await Clip.load(path.join(fixtures, 'small-open-clip'))
    expect(torch.info.format).toBe('torch')
    expect(await torch.encodeImage(pixels, raw)).toEqual(await safetensors.encodeImage(pixels, raw))
    expect(await torch.hiddenStates(pixels, { tower: 'image' })).toEqual(
      await safetensors.hiddenStates(pixels, { tower: 'image' }),
    )
  })

  it("reads OpenAI's TorchScript archive without a configuration", async () => {
    const expected = new TensorFile(path.join(made, 'openai', 'expected.safetensors'))
    await using clip = await Clip.load(path.join(made, 'openai', 'model.pt'), { precision: 'exact' }) // the reader is on trial, not f16 kernels
    expect(clip.info.vision).toMatchObject({
      width: 64,
      layers: 1,
      heads: 1,
      imageSize: 8,
      patchSize: 4,
      activation: 'quick_gelu',
    })
    expect(clip.info.text).toMatchObject({ width: 64, contextLength: 12, vocabSize: 100 })
    const images = expected.rows('pixel_values').map(tensor => ({ tensor }))
    expectClose('openai.pt', await clip.encodeImage(images, raw), expected.rows('image_embeds'), {
      difference: 1e-4,
      cosine: 0.999999,
    })
    await expect(clip.encodeText('a cat')).rejects.toMatchObject({ code: 'ERR_CLIP_TOKENIZER_MISSING' })
  })
})

describe('checkpoints in the layout of torch.save', () => {
  it.each(['small-head-24', 'small-head-80'])('pytorch_model.bin of %s equals its safetensors', async name => {
    const copy = withoutWeights(name, name)
    writeFileSync(
      path.join(copy, 'pytorch_model.bin'),
      checkpoint(tensorsOf(path.join(fixtures, name, 'model.safetensors'))),
    )
    await using torch = await Clip.load(copy)
    await using safetensors = await Clip.load(path.join(fixtures, name))
    expect(await torch.encodeImage(pixels, raw)).toEqual(await safetensors.encodeImage(pixels, raw))
    expect(await torch.encodeText('a cat', raw)).toEqual(await safetensors.encodeText('a cat', raw))
    // a file of the folder names the same model
    await using file = await Clip.load(path.join(copy, 'pytorch_model.bin'))
    expect(await file.encodeText('a cat', raw)).toEqual(await safetensors.encodeText('a cat', raw))
  })

  it.each([['with 64-bit sizes, as files above 4 GB have', { zip64: true }], ['with a comment behind it', {
    comment: 'PK\x05\x06 and more',
  }]])('an archive %s', async (_, options) => {
    const copy = withoutWeights('small-head-80', `zip-${Object.keys(options)[0]!}`)
    writeFileSync(
      path.join(copy, 'pytorch_model.bin'),
      checkpoint(tensorsOf(path.join(fixtures, 'small-head-80', 'model.safetensors')), options),
    )
    await using torch = await Clip.load(copy)
    await using safetensors = await Clip.load(path.join(fixtures, 'small-head-80'))
    expect(await torch.encodeImage(pixels, raw)).toEqual(await safetensors.encodeImage(pixels, raw))
  })

  it('reads shards by their index, and says which is missing', async () => {
    const name = 'small-sharded'
    const copy = withoutWeights(name, name)
    const index = JSON.parse(readFileSync(path.join(fixtures, name, 'model.safetensors.index.json'), 'utf8')) as {
      weight_map: Record<string, string>
    }
    for (const file of new Set(Object.values(index.weight_map))) {
      writeFileSync(
        path.join(copy, file.replace('safetensors', 'bin')),
        checkpoint(tensorsOf(path.join(fixtures, name, file))),
      )
    }
    const map = Object.fromEntries(
      Object.entries(index.weight_map).map(([key, file]) => [key, file.replace('safetensors', 'bin')]),
    )
    writeFileSync(path.join(copy, 'pytorch_model.bin.index.json'), JSON.stringify({ weight_map: map }))
    await using torch = await Clip.load(copy)
    await using safetensors = await Clip.load(path.join(fixtures, name))
    expect(await torch.encodeImage(pixels, raw)).toEqual(await safetensors.encodeImage(pixels, raw))
    const gone = Object.values(map)[0]!
    rmSync(path.join(copy, gone))
    await expect(Clip.load(copy)).rejects.toMatchObject({
      code: 'ERR_CLIP_FILE_NOT_FOUND',
      message: expect.stringContaining(gone) as string,
    })
  })
})

const format = 'ERR_CLIP_FILE_FORMAT'
const limit = 'ERR_CLIP_FILE_LIMIT'
const truncated = 'ERR_CLIP_FILE_TRUNCATED'
const unsupported = 'ERR_CLIP_MODEL_UNSUPPORTED'
const data = Buffer.alloc(64)
const archive = (value: Bytes, more: [string, Bytes, object?][] = [['a/data/0', data]]): Bytes =>
  zip([['a/data.pkl', pickle(value)], ...more])
const one = (parts: object): Bytes =>
  archive(dict([[text('x'), tensor({ elements: 16, shape: [4, 4], stride: [4, 1], ...parts })]]))

const wrong: [what: string, bytes: Bytes, code: string, words: string[]][] = [
  ['a function to run', archive(Buffer.concat([global('os', 'system'), tuple([text('touch /tmp/owned')]), op('R')])),
    unsupported, ['os.system', 'no code']],
  ['a function by its stack', archive(Buffer.concat([text('builtins'), text('eval'), op('\x93')])), unsupported, [
    'builtins.eval',
  ]],
  ['a class of argparse',
    archive(dict([[text('args'), Buffer.concat([global('argparse', 'Namespace'), op(')\x81}b')])]])), unsupported, [
    'argparse.Namespace',
  ]],
  ['a numpy scalar', archive(global('numpy.core.multiarray', 'scalar')), unsupported, ['numpy.core.multiarray.scalar']],
  ['a call of a storage class', archive(Buffer.concat([global('torch', 'FloatStorage'), op(')R')])), format, [
    'torch.FloatStorage',
  ]],
  ['an operation that is not known', archive(op('\x8f')), format, ['0x8f']],
  ['a pickle of text lines', archive(op('I1\n')), format, ['0x49']],
  ['a pickle that ends early', zip([['a/data.pkl', op('\x80\x02}')]]), truncated, ['data.pkl']],
  ['an empty pickle', zip([['a/data.pkl', Buffer.alloc(0)]]), truncated, []],
  ['an empty stack', archive(op('00')), format, ['stack']],
  ['a mark that is not there', archive(op('t')), format, ['mark']],
  ['a memory of nothing', archive(op('h\x05')), format, ['remembered']],
  ['a list of tensors', archive(Buffer.concat([op('](e')])), format, ['state dict']],
  ['a dict of odd length', archive(op('}(Nu')), format, ['pairs']],
  ['a list that holds itself', archive(op(']q\x00h\x00a')), format, ['state dict']],
  ['a negative offset', one({ offset: integer(-1) }), format, ['offset']],
  ['an offset past the end', one({ offset: integer(1) }), format, ['place 16']],
  ['a huge offset', one({ offset: integer(2n ** 62n) }), limit, ['overflow']],
  ['a negative size', one({ shape: [-4, 4] }), format, ['shape']],
  ['a product that overflows', one({ shape: [2 ** 40, 2 ** 40] }), limit, ['overflow']],
  ['a stride that overflows', one({ stride: [2n ** 62n, 1] }), limit, ['overflow']],
  ['a stride past the end', one({ stride: [5, 1] }), format, ['place 18']],
  ['gigabytes of one value', one({ shape: [2 ** 30, 4], stride: [0, 1] }), limit, ['contiguous']],
  ['nine dimensions', one({ shape: Array(9).fill(1) as number[], stride: Array(9).fill(1) as number[] }), format, [
    'at most 8',
  ]],
  ['one stride for two dimensions', one({ stride: [1] }), format, ['stride']],
  ['a storage that is longer than its file', one({ elements: 17 }), truncated, ['17 elements']],
  ['a storage without a file', one({ key: '7' }), format, ['a/data/7']],
  ['a storage elsewhere', one({ key: '../../etc/passwd' }), format, ['data/../../etc/passwd']],
  ['a storage of strings', one({ storage: 'StringStorage' }), unsupported, ['torch.StringStorage']],
  ['a persistent id of another kind', one({ persistent: tuple([text('module')]) }), format, ['storage']],
  ['a compressed storage',
    archive(dict([[text('x'), tensor({ elements: 16, shape: [4, 4], stride: [4, 1] })]]), [['a/data/0', data, {
      method: 8,
    }]]), format, ['compressed']],
  ['an encrypted pickle', zip([['a/data.pkl', pickle(op('}')), { flags: 1 }]]), format, ['stored']],
  ['big-endian weights', archive(op('}'), [['a/byteorder', Buffer.from('big')]]), format, ['little', 'big']],
  ['no data.pkl', zip([['a/readme', data]]), format, ['data.pkl']],
  ['an entry twice', zip([['a/data.pkl', data], ['a/data.pkl', data]]), format, ['twice']],
  ['an entry that begins elsewhere', zip([['a/data.pkl', data, { offset: 3 }]]), format, ['data.pkl']],
  ['an entry past the end', zip([['a/data.pkl', data, { offset: 10_000 }]]), truncated, []],
  ['more entries than there are', zip([['a/data.pkl', data]], { count: 2 }), truncated, ['directory']],
  ['64-bit sizes past the end', zip([['a/data.pkl', data, { size: 2 ** 50 }]], { zip64: true }), truncated, []],
  ['half a download', one({}).subarray(0, 100), truncated, ['directory']],
  ['the layout before PyTorch 1.6', Buffer.concat([op('\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.'), data]),
    unsupported, ['1.6']],
  ['no weights of a model', one({}), 'ERR_CLIP_TENSOR_MISSING', ['vision_model']],
]

describe('wrong checkpoints', () => {
  const copy = withoutWeights('small-head-80', 'wrong')

  it.each(wrong)('%s', async (_, bytes, code, words) => {
    const file = path.join(copy, 'pytorch_model.bin')
    writeFileSync(file, bytes)
    const error = await Clip.load(copy).then(clip => clip.dispose(), (failure: Error) => failure) as Error & {
      code: string
    }
    expect({ code: error.code, message: error.message }).toMatchObject({ code })
    for (const word of words) expect(error.message).toContain(word)
  })

  it('changed at random: a model or a coded error, never a crash', async () => {
    const whole = checkpoint(tensorsOf(path.join(fixtures, 'small-head-80', 'model.safetensors')))
    const [head, tail] = [whole.indexOf('archive/data/0'), whole.lastIndexOf('PK\x01\x02') - 4000]
    let seed = 7
    const random = (below: number): number => ((seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) >>> 8) % below
    for (let i = 0; i < 250; i++) {
      const bytes = Buffer.from(whole)
      const at = random(2) === 0 ? random(head) : tail + random(bytes.length - tail)
      bytes[Math.min(at, bytes.length - 1)] = random(256)
      if (random(8) === 0) bytes.writeUInt32LE(0xffffffff - random(2), Math.min(at, bytes.length - 4))
      const file = path.join(copy, 'pytorch_model.bin')
      writeFileSync(file, random(12) === 0 ? bytes.subarray(0, random(bytes.length)) : bytes)
      const outcome = await Clip.load(copy, { threads: 1 }).then(async clip => {
        // a changed configuration or pickle may leave weights that the model computes nothing finite from
        return await clip.encodeImage(pixels).then(() => 'ERR_CLIP_NONE').finally(() => clip.dispose())
      }).catch((error: { code?: string; message: string }) => error.code ?? error.message)
      expect(outcome).toMatch(/^ERR_CLIP_(?!INTERNAL)/)
    }
  })

  it('a bomb of shared lists takes no memory', async () => {
    // thirty lists, each holding the one before twice: a thousand million values if anybody unfolded them
    let bytes = op(']q\x00')
    for (let i = 0; i < 30; i++)
      bytes = Buffer.concat([bytes, op('(2'), op(`h${String.fromCharCode(i)}h${String.fromCharCode(i)}`), op('lq'),
        Buffer.from([i + 1])])
    writeFileSync(path.join(copy, 'pytorch_model.bin'), archive(bytes))
    await expect(Clip.load(copy)).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_CLIP_FILE_/) as string })
  })
})
