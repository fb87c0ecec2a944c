/** convert and quantize: types, policy, importance, progress, and files that are whole or not there at all. */
import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync,
  writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { Clip, convert, quantize, report, type ConvertProgress, type WeightType, weightTypes } from '../../lib/index.js'
import { makeB32 } from '../helpers/b32'
import { cosine } from '../helpers/compare'
import { fixtures } from '../helpers/oracle'
import { where } from '../helpers/skips'

// a machine that is busy with other things takes its time
jest.setTimeout(60_000)

const root = path.join(__dirname, '..', '..')
const embedded = path.join(root, 'models', 'emoji-clip.gguf')
const samples = path.join(root, 'models', 'samples')
const pictures = ['pizza.webp', 'rocket.png', 'photo-hat.jpg'].map(name => path.join(samples, name))
const folder = mkdtempSync(path.join(tmpdir(), 'ggclip-quantize-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const place = (name: string): string => path.join(folder, name)

/** A folder of its own: what a conversion leaves there is seen at once. */
function scratchFolder(name: string): string {
  mkdirSync(place(name))
  return place(name)
}

/** Least cosine to the embedded model's own vectors, by type under the mixed policy; only ever to be tightened. */
const least: Record<WeightType, number> = {
  f32: 0.9999,
  f16: 0.9999,
  bf16: 0.9999,
  q8_0: 0.9998,
  q6_k: 0.9997, // rows that it does not fill are q8_0: activations of 7 bits without VNNI
  q5_1: 0.999,
  q5_0: 0.999,
  q5_k: 0.998,
  q4_1: 0.996,
  q4_0: 0.996,
  q4_k: 0.996,
  iq4_nl: 0.996,
}

where('posix', describe)('what the output may be', () => {
  test.each([['a folder', 'mkdir "$0"'], ['a pipe', 'mkfifo "$0"'], ['a link to a device', 'ln -s /dev/null "$0"'], [
    'a link to itself',
    'ln -s "$0" "$0"',
  ]])('%s is refused and stays', async (kind, make) => {
    const output = path.join(scratchFolder(kind.replaceAll(' ', '-')), 'out')
    execFileSync('sh', ['-c', make, output])
    const before = lstatSync(output)
    await expect(convert(embedded, output)).rejects.toMatchObject({
      code: 'ERR_CLIP_FILE_WRITE',
      message: expect.stringContaining(output),
    })
    expect(lstatSync(output)).toMatchObject({ mode: before.mode, ino: before.ino })
    expect(readdirSync(path.dirname(output))).toEqual(['out'])
  })

  test('of a link what it leads to is written, be it there or not', async () => {
    const here = scratchFolder('links')
    symlinkSync('real.gguf', path.join(here, 'link.gguf'))
    for (let i = 0; i < 2; i++) {
      const { bytes } = await convert(embedded, path.join(here, 'link.gguf'))
      expect(lstatSync(path.join(here, 'link.gguf')).isSymbolicLink()).toBe(true)
      expect(lstatSync(path.join(here, 'real.gguf')).size).toBe(bytes)
    }
    expect(readdirSync(here).sort()).toEqual(['link.gguf', 'real.gguf'])
  })
})

describe('quantize', () => {
  let expected: Float32Array[]
  beforeAll(async () => {
    await using clip = await Clip.load(embedded)
    expected = [...await clip.encodeImage(pictures), ...await clip.encodeText(['a pizza', 'a hat'])]
  })

  it.each(weightTypes)('%s: the file loads and stays near its source', async dtype => {
    const file = place(`${dtype}.gguf`)
    const { bytes, tensors } = await quantize(embedded, file, { dtype })
    expect(bytes).toBe(statSync(file).size)
    await using clip = await Clip.load(file)
    const vectors = [...await clip.encodeImage(pictures), ...await clip.encodeText(['a pizza', 'a hat'])]
    expect(Math.min(...vectors.map((vector, i) => cosine(vector, expected[i]!)))).toBeGreaterThan(least[dtype])
    // a K-quant that the rows do not fill steps down, but something has the type that was asked for or its stand-in
    expect(Object.keys(tensors).length).toBeGreaterThan(dtype === 'f32' ? 0 : 1)
    expect(Object.values(tensors).reduce((sum, count) => sum + count, 0)).toBe(173)
  })

  it('keeps what the policy says, unless an override or the uniform policy says otherwise', async () => {
    const typesOf = async (options: object): Promise<Record<string, string>> => {
      await quantize(embedded, place('policy.gguf'), { dtype: 'q4_0', ...options })
      return tensorTypes(place('policy.gguf'))
    }
    const mixed = await typesOf({})
    expect(mixed).toMatchObject({
      'v.blk.2.ffn_up.weight': 'q4_0',
      'v.blk.2.attn_q.weight': 'q4_0',
      'v.blk.2.attn_v.weight': 'q5_0',
      't.blk.1.attn_out.weight': 'q5_0',
      'v.blk.0.ffn_up.weight': 'q5_0',
      't.token_embd.weight': 'q5_0',
      'visual_projection.weight': 'q8_0',
      'text_projection.weight': 'q8_0',
      'v.patch_embd.weight': 'f16',
      'v.position_embd.weight': 'f32',
      'v.blk.2.ffn_up.bias': 'f32',
    })
    expect(await typesOf({ policy: 'uniform' })).toMatchObject({
      'v.blk.0.attn_v.weight': 'q4_0',
      't.token_embd.weight': 'q4_0',
      'visual_projection.weight': 'q4_0',
    })
    expect(await typesOf({ overrides: { '*projection*': 'f16', 'v.blk.?.ffn_*': 'q8_0', '*': 'q4_1' } })).toMatchObject(
      {
        'visual_projection.weight': 'f16',
        'v.blk.2.ffn_up.weight': 'q8_0',
        't.blk.1.attn_v.weight': 'q4_1',
        'v.patch_embd.weight': 'f16',
      },
    )
  })

  it('mixed is better than uniform, importance better than none, on the inputs it saw', async () => {
    const own = scratchFolder('own')
    for (const picture of pictures) copyFileSync(picture, path.join(own, path.basename(picture)))
    writeFileSync(path.join(own, 'texts.txt'), 'a pizza\n\na hat\r\na red rocket\n')
    const measure = async (name: string, options: object): Promise<number[]> => {
      await quantize(embedded, place(name), { dtype: 'q4_0', ...options })
      const { models: [, model] } = await report(embedded, [place(name)], { samples: own })
      expect([model!.image!.inputs, model!.text!.inputs]).toEqual([3, 3])
      return [1 - model!.image!.meanCosine, 1 - model!.text!.meanCosine]
    }
    const uniform = await measure('uniform.gguf', { policy: 'uniform' })
    const weighed = await measure('weighed.gguf', { policy: 'uniform', importance: own })
    const mixed = await measure('mixed.gguf', {})
    for (const tower of [0, 1]) {
      expect(weighed[tower]!).toBeLessThan(uniform[tower]!)
      expect(mixed[tower]!).toBeLessThan(uniform[tower]! / 2)
    }
  })

  it('refuses samples that are not there, empty or no pictures', async () => {
    const empty = scratchFolder('empty')
    await expect(quantize(embedded, place('x.gguf'), { importance: empty })).rejects.toMatchObject({
      code: 'ERR_CLIP_FILE_NOT_FOUND',
    })
    await expect(quantize(embedded, place('x.gguf'), { importance: place('nowhere') })).rejects.toMatchObject({
      code: 'ERR_CLIP_FILE_NOT_FOUND',
    })
    writeFileSync(path.join(empty, 'broken.png'), 'no picture')
    await expect(quantize(embedded, place('x.gguf'), { importance: empty })).rejects.toMatchObject({
      code: 'ERR_CLIP_IMAGE_DECODE',
      message: expect.stringContaining('broken.png') as string,
    })
    expect(readdirSync(folder)).not.toContain('x.gguf')
  })

  it.each([
    ['a type that is none', { dtype: 'q3' }, 'ERR_CLIP_OUT_OF_RANGE'],
    ['a policy that is none', { policy: 'best' }, 'ERR_CLIP_OUT_OF_RANGE'],
    ['a pattern without a type', { overrides: { '*': 'x' } }, 'ERR_CLIP_OUT_OF_RANGE'],
    ['overrides as a list', { overrides: ['*'] }, 'ERR_CLIP_INVALID_ARGUMENT'],
    ['no thread', { threads: 0 }, 'ERR_CLIP_OUT_OF_RANGE'],
    ['a callback that is none', { onProgress: 1 }, 'ERR_CLIP_INVALID_ARGUMENT'],
    ['an option of another call', { maxBatch: 1 }, 'ERR_CLIP_UNKNOWN_OPTION'],
  ])('refuses %s', async (_, options, code) => {
    await expect(quantize(embedded, place('x.gguf'), options as object)).rejects.toMatchObject({ code })
    expect(readdirSync(folder)).not.toContain('x.gguf')
  })
})

describe('conversion as a whole', () => {
  it('reports its progress, samples first, to the last byte', async () => {
    const seen: ConvertProgress[] = []
    const target = path.join(scratchFolder('progress'), 'out.gguf')
    await quantize(embedded, target, {
      dtype: 'q4_k',
      importance: samples,
      onProgress: progress => seen.push(progress),
    })
    const measured = seen.filter(({ stage }) => stage === 'measure')
    const written = seen.filter(({ stage }) => stage === 'write')
    expect(measured.map(({ done }) => done)).toEqual(Array.from({ length: 18 }, (_, i) => i + 1))
    expect(written.length).toBeGreaterThan(0)
    expect(written.map(({ done }) => done)).toEqual(written.map(({ done }) => done).sort((a, b) => a - b))
    expect(written.at(-1)!.done).toBe(written.at(-1)!.total)
    expect(written.at(-1)!.total).toBeGreaterThan(3_000_000)
  })

  it('a callback that throws ends it with its error, and nothing is left', async () => {
    const own = scratchFolder('thrown')
    const failure = new Error('enough')
    await expect(quantize(embedded, path.join(own, 'out.gguf'), {
      importance: samples,
      onProgress: () => {
        throw failure
      },
    })).rejects.toBe(failure)
    await expect(convert(embedded, path.join(own, 'out.gguf'), {
      dtype: 'q4_0',
      onProgress: () => {
        throw failure
      },
    })).rejects.toBe(failure)
    // thrown at the very end the file is complete, and stays
    expect(readdirSync(own).filter(name => name !== 'out.gguf')).toEqual([])
  })

  it("cancelled: the signal's reason, and what was there is still there", async () => {
    const own = scratchFolder('cancelled')
    const target = path.join(own, 'out.gguf')
    writeFileSync(target, 'before')
    for (const stage of ['measure', 'write']) {
      const controller = new AbortController()
      const reason = new Error('not now')
      const options = {
        dtype: 'q4_k' as const,
        threads: 1,
        signal: controller.signal,
        importance: samples,
        onProgress: (progress: ConvertProgress) => {
          if (progress.stage === stage) controller.abort(reason)
        },
      }
      const outcome = await quantize(embedded, target, options).catch((error: unknown) => error)
      // fast machines may be through with the file before the first report of it
      if (stage === 'measure' || outcome === reason) {
        expect(outcome).toBe(reason)
        expect(readFileSync(target, 'utf8')).toBe('before')
      }
      expect(readdirSync(own)).toEqual(['out.gguf'])
    }
    const aborted = AbortSignal.abort()
    await expect(convert(embedded, path.join(own, 'x.gguf'), { signal: aborted })).rejects.toBe(aborted.reason)
  })

  it('replaces its own source', async () => {
    const target = place('same.gguf')
    copyFileSync(embedded, target)
    await quantize(target, target, { dtype: 'q5_0' })
    expect((await tensorTypes(target))['v.blk.2.ffn_up.weight']).toBe('q5_0')
  })

  it('says that a folder is not there, or is a file', async () => {
    await expect(convert(embedded, path.join(place('nowhere'), 'x.gguf'))).rejects.toMatchObject({
      code: 'ERR_CLIP_FILE_WRITE',
    })
    mkdirSync(place('directory.gguf'))
    writeFileSync(path.join(place('directory.gguf'), 'file'), '')
    await expect(convert(embedded, place('directory.gguf'))).rejects.toMatchObject({ code: 'ERR_CLIP_FILE_WRITE' })
    expect(readdirSync(folder).filter(name => name.endsWith('.tmp'))).toEqual([])
  })

  it('takes a file of weights with the tokenizer beside it', async () => {
    await convert(path.join(fixtures, 'small-head-80', 'model.safetensors'), place('file.gguf'))
    await using clip = await Clip.load(place('file.gguf'))
    await using source = await Clip.load(path.join(fixtures, 'small-head-80'))
    expect(await clip.encodeText('a cat')).toEqual(await source.encodeText('a cat'))
  })
})

// a limit on the size of files, as a full disk gives: the signal is ignored so that writing fails instead
where('posix', describe)('a disk that is full', () => {
  it('is said, and leaves nothing', () => {
    const own = scratchFolder('full')
    const script = `const { quantize } = require(${JSON.stringify(path.join(root, 'dist', 'index.js'))})
      quantize(process.argv[1], process.argv[2], { dtype: 'q8_0' }).then(() => console.log('done'), e => console.log(e.code, e.message))`
    const shell = 'trap "" XFSZ; ulimit -f 1000; exec "$@"'
    const { stdout } = spawnSync('bash', ['-c', shell, 'bash', process.execPath, '-e', script, embedded,
      path.join(own, 'out.gguf')], { encoding: 'utf8' })
    expect(stdout).toMatch(/^ERR_CLIP_FILE_WRITE .*out\.gguf/)
    expect(readdirSync(own)).toEqual([])
  })
})

// VmHWM: the peak of this very program; the peak of getrusage begins with its parent's
where('linux', describe)('a full-size checkpoint', () => {
  it('is quantised in the memory of its largest tensor', () => {
    const peakOf = (work: string): number => {
      const script = `const { quantize } = require(${JSON.stringify(path.join(root, 'dist', 'index.js'))})
        const peak = () => console.log(/VmHWM:\\s*(\\d+)/.exec(require('node:fs').readFileSync('/proc/self/status', 'utf8'))[1])
        ${work}.then(peak)`
      return 1024 *
        Number(execFileSync(process.execPath, ['-e', script, makeB32(), place('b32.gguf')], { encoding: 'utf8' }))
    }
    const over = peakOf("quantize(process.argv[1], process.argv[2], { dtype: 'q8_0', threads: 2 })") -
      peakOf('Promise.resolve()')
    if (process.env.GGCLIP_REPORT)
      process.stderr.write(`REPORT peak of quantising b32: ${Math.round(over / 1e6)} MB over an idle process\n`)
    const largest = 49408 * 512 * 4 // the token table, 101 MB; the model has 605 MB
    expect(over).toBeGreaterThan(1e6)
    expect(over).toBeLessThan(2 * largest)
  })
})

describe('report', () => {
  it('finds no difference between a model and its copy, and measures each encoder', async () => {
    const copy = place('copy.gguf')
    copyFileSync(embedded, copy)
    const steps: number[] = []
    const { samples: counts, models } = await report(embedded, [copy, place('q8_0.gguf')], {
      onProgress: ({ done }) => steps.push(done),
    })
    expect(counts).toEqual({ images: 18, texts: 54 })
    expect(models.map(({ model }) => model)).toEqual([embedded, copy, place('q8_0.gguf')])
    expect(models[1]!.image!.meanCosine).toBe(models[0]!.image!.meanCosine)
    for (const { image, text, bytes } of models) {
      for (const tower of [image!, text!]) {
        expect(tower.minCosine).toBeGreaterThan(0.99)
        expect(tower.minCosine).toBeLessThanOrEqual(tower.meanCosine)
        expect(tower.maxDifference).toBeLessThan(0.05)
        expect(tower.msPerInput).toBeGreaterThan(0)
      }
      expect(bytes).toBeGreaterThan(1_000_000)
    }
    expect(steps).toEqual([0, 1, 2, 3, 4])
  })

  it('of a model without tokenizer measures its pictures alone', async () => {
    const { models: [model] } = await report(path.join(root, 'test', 'fixtures', 'torch', 'open-clip-epoch'), [])
    expect(model!.image!.meanCosine).toBeGreaterThan(0.999)
    expect(model!.text).toBeNull()
  })
})

async function tensorTypes(file: string): Promise<Record<string, string>> {
  const { inspect } = await import('../../lib/index.js')
  return Object.fromEntries((await inspect(file)).tensors.map(({ name, type }) => [name, type]))
}
