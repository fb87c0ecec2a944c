/** Every argument of every call: wrong kinds, wrong values, unknown options by name. */
import { Clip, topK, similarityMatrix } from '../../lib/index.js'
import { failureOf, load, picture, tinyModel } from '../lifecycle/support'

type Case = [
  what: string,
  call: (clip: Clip) => unknown,
  error: 'TypeError' | 'RangeError' | 'ClipError',
  code: string,
  words: string[],
]

const any = (value: unknown): any => value
const image = picture(1)
const wrongKind = 'ERR_CLIP_INVALID_ARGUMENT'
const outOfRange = 'ERR_CLIP_OUT_OF_RANGE'
const unknown = 'ERR_CLIP_UNKNOWN_OPTION'

const unknownOptions: Case[] = [
  ['load', () => Clip.load(tinyModel, any({ thread: 1 })), 'TypeError', unknown, ['thread', 'did you mean', 'threads']],
  ['encodeImage', clip => clip.encodeImage(image, any({ normalise: true })), 'TypeError', unknown, ['normalise',
    'normalize']],
  ['encodeText', clip => clip.encodeText('a', any({ orient: true })), 'TypeError', unknown, ['orient']],
  ['encodeImages', clip => clip.encodeImages([image], any({ topK: 1 })).next(), 'TypeError', unknown, ['topK']],
  ['encodeTexts', clip => clip.encodeTexts(['a'], any({ topK: 1 })).next(), 'TypeError', unknown, ['topK']],
  ['encodeTexts of none', clip => clip.encodeTexts([], any({ topK: 1 })).next(), 'TypeError', unknown, ['topK']],
  ['classify', clip => clip.classify(image, ['a'], any({ template: 'x {}' })), 'TypeError', unknown, ['template',
    'templates']],
  ['classifier', clip => clip.classifier(['a'], any({ topK: 1 })), 'TypeError', unknown, ['topK']],
  ['similarity', clip => clip.similarity(image, 'a', any({ normalize: true })), 'TypeError', unknown, ['normalize']],
  ['preprocess', clip => clip.preprocess(image, any({ normalize: true })), 'TypeError', unknown, ['normalize']],
  ['hiddenStates', clip => clip.hiddenStates('a', any({ tower: 'text', layers: 1 })), 'TypeError', unknown, ['layers',
    'layer']],
  ['intermediates', clip => clip.intermediates('a', any({ tower: 'text', name: 'x' })), 'TypeError', unknown, ['name',
    'names']],
  ['topK', () => topK(new Float32Array(2), { data: new Float32Array(2), dim: 2 }, 1, any({ thread: 1 })), 'TypeError',
    unknown, ['thread']],
]

const optionsOfWrongKind: Case[] = [5, true, 'fast', [1], () => 1, new Map()].flatMap((options): Case[] => {
  const kind = Array.isArray(options) ? 'an array' : options instanceof Map ? 'a Map' : `a ${typeof options}`
  return [
    [`encodeText(${kind})`, clip => clip.encodeText('a', any(options)), 'TypeError', wrongKind, ['options']],
    [`classify(${kind})`, clip => clip.classify(image, ['a'], any(options)), 'TypeError', wrongKind, ['options']],
    [`preprocess(${kind})`, clip => clip.preprocess(image, any(options)), 'TypeError', wrongKind, ['options']],
  ]
})

const loadOptions: Case[] = [
  ['source 5', () => Clip.load(any(5)), 'TypeError', wrongKind, ['source']],
  ['source null', () => Clip.load(any(null)), 'TypeError', wrongKind, ['source']],
  ['source empty', () => Clip.load(''), 'RangeError', outOfRange, ['source']],
  ['source absent', () => Clip.load('no-such-model'), 'ClipError', 'ERR_CLIP_MODEL_UNKNOWN', ['no-such-model']],
  ['source with NUL', () => Clip.load('a\0b'), 'ClipError', 'ERR_CLIP_MODEL_UNKNOWN', []],
  ['threads 0', () => Clip.load(tinyModel, { threads: 0 }), 'RangeError', outOfRange, ['threads']],
  ['threads 1.5', () => Clip.load(tinyModel, { threads: 1.5 }), 'RangeError', outOfRange, ['threads']],
  ['threads "2"', () => Clip.load(tinyModel, { threads: any('2') }), 'TypeError', wrongKind, ['threads']],
  ['sessions 65', () => Clip.load(tinyModel, { sessions: 65 }), 'RangeError', outOfRange, ['sessions']],
  ['maxBatch NaN', () => Clip.load(tinyModel, { maxBatch: NaN }), 'RangeError', outOfRange, ['maxBatch']],
  ['maxMemory 0', () => Clip.load(tinyModel, { maxMemory: 0 }), 'RangeError', outOfRange, ['maxMemory']],
  ['maxMemory "1GB"', () => Clip.load(tinyModel, { maxMemory: any('1GB') }), 'TypeError', wrongKind, ['maxMemory']],
  ['maxWaitMs -1', () => Clip.load(tinyModel, { maxWaitMs: -1 }), 'RangeError', outOfRange, ['maxWaitMs']],
  ['maxQueue 0', () => Clip.load(tinyModel, { maxQueue: 0 }), 'RangeError', outOfRange, ['maxQueue']],
  ['maxPixels 0', () => Clip.load(tinyModel, { maxPixels: 0 }), 'RangeError', outOfRange, ['maxPixels']],
  ['device gpu', () => Clip.load(tinyModel, { device: any('gpu') }), 'RangeError', outOfRange, ['device', 'cpu']],
  ['device null', () => Clip.load(tinyModel, { device: any(null) }), 'TypeError', wrongKind, ['device']],
  ['towers none', () => Clip.load(tinyModel, { towers: any('none') }), 'RangeError', outOfRange, ['towers']],
  ['dtype int8', () => Clip.load(tinyModel, { dtype: any('int8') }), 'RangeError', outOfRange, ['dtype']],
  ['precision', () => Clip.load(tinyModel, { precision: any('high') }), 'RangeError', outOfRange, ['precision']],
  ['decode', () => Clip.load(tinyModel, { decode: any('quick') }), 'RangeError', outOfRange, ['decode']],
  ['signal', () => Clip.load(tinyModel, { signal: any({}) }), 'TypeError', wrongKind, ['signal']],
]

const callArguments: Case[] = [
  ['no image', clip => clip.encodeImage(any(undefined)), 'TypeError', wrongKind, ['image', 'undefined']],
  ['image 5', clip => clip.encodeImage(any(5)), 'TypeError', wrongKind, ['image']],
  ['image {}', clip => clip.encodeImage(any({})), 'TypeError', wrongKind, ['image']],
  ['image in a list', clip => clip.encodeImage([image, any(null)]), 'TypeError', wrongKind, ['images[1]', 'null']],
  ['image a Float64Array', clip => clip.encodeImage(any(new Float64Array(4))), 'TypeError', wrongKind, ['image']],
  ['image path empty', clip => clip.encodeImage(''), 'RangeError', outOfRange, ['image']],
  ['text 5', clip => clip.encodeText(any(5)), 'TypeError', wrongKind, ['text']],
  ['text null in a list', clip => clip.encodeText(['a', any(null)]), 'TypeError', wrongKind, ['texts[1]']],
  ['text a Set', clip => clip.encodeText(any(new Set(['a']))), 'TypeError', wrongKind, ['text']],
  ['normalize 1', clip => clip.encodeText('a', { normalize: any(1) }), 'TypeError', wrongKind, ['normalize']],
  ['dimensions 0', clip => clip.encodeText('a', { dimensions: 0 }), 'RangeError', outOfRange, ['dimensions']],
  ['dimensions 1e6', clip => clip.encodeImage(image, { dimensions: 1e6 }), 'RangeError', outOfRange, ['dimensions']],
  ['dimensions "8"', clip => clip.encodeImages([image], { dimensions: any('8') }).next(), 'TypeError', wrongKind, [
    'dimensions',
  ]],
  ['dimensions 1.5', clip => clip.encodeTexts(['a'], { dimensions: 1.5 }).next(), 'RangeError', outOfRange, [
    'dimensions',
  ]],
  ['normalize null', clip => clip.encodeImage(image, { normalize: any(null) }), 'TypeError', wrongKind, ['normalize']],
  ['orient', clip => clip.encodeImage(image, { orient: any('yes') }), 'TypeError', wrongKind, ['orient']],
  ['decode', clip => clip.encodeImage(image, { decode: any('fast') }), 'RangeError', outOfRange, ['decode']],
  ['background of two', clip => clip.encodeImage(image, { background: any([0, 0]) }), 'TypeError', wrongKind, [
    'background',
  ]],
  ['background 256', clip => clip.encodeImage(image, { background: [0, 256, 0] }), 'RangeError', outOfRange, [
    'background[1]',
  ]],
  ['signal', clip => clip.encodeImage(image, { signal: any(true) }), 'TypeError', wrongKind, ['signal']],
  ['priority of an image', clip => clip.encodeImage(image, { priority: any('high') }), 'TypeError', wrongKind, [
    'priority',
  ]],
  ['priority 101', clip => clip.encodeText('new', { priority: 101 }), 'RangeError', outOfRange, ['priority']],
  ['priority of a known text', clip => clip.encodeText('known', { priority: any('high') }), 'TypeError', wrongKind, [
    'priority',
  ]],
  ['priority of no text', clip => clip.encodeText([], { priority: any('high') }), 'TypeError', wrongKind, ['priority']],
  ['priority of no image', clip => clip.encodeImage([], { priority: any('high') }), 'TypeError', wrongKind, [
    'priority',
  ]],
  ['images no iterable', clip => clip.encodeImages(any(5)).next(), 'TypeError', wrongKind, ['images']],
  ['texts a string', clip => clip.encodeTexts(any('abc')).next(), 'TypeError', wrongKind, ['texts']],
  ['texts of numbers', clip => clip.encodeTexts(any([5])).next(), 'TypeError', wrongKind, ['text']],
  ['tokenize 5', clip => clip.tokenize(any(5)), 'TypeError', wrongKind, ['text']],
  ['no labels', clip => clip.classify(image, []), 'RangeError', outOfRange, ['labels']],
  ['labels a string', clip => clip.classify(image, any('cat')), 'TypeError', wrongKind, ['labels']],
  ['labels of numbers', clip => clip.classify(image, any(['a', 5])), 'TypeError', wrongKind, ['labels[1]']],
  ['a blank label', clip => clip.classify(image, ['a', ' ']), 'RangeError', outOfRange, ['labels[1]']],
  ['no templates', clip => clip.classify(image, ['a'], { templates: [] }), 'RangeError', outOfRange, ['templates']],
  ['template without place', clip => clip.classify(image, ['a'], { templates: 'a photo' }), 'RangeError', outOfRange, [
    'templates',
  ]],
  ['template 5', clip => clip.classify(image, ['a'], { templates: any([5]) }), 'TypeError', wrongKind, [
    'templates[0]',
  ]],
  ['template that returns 5', clip => clip.classifier(['a'], { templates: any(() => 5) }), 'TypeError', wrongKind, [
    'templates',
  ]],
  ['topK 0', clip => clip.classify(image, ['a'], { topK: 0 }), 'RangeError', outOfRange, ['topK']],
  ['topK "1"', clip => clip.classify(image, ['a'], { topK: any('1') }), 'TypeError', wrongKind, ['topK']],
  ['multiLabel', clip => clip.classify(image, ['a'], { multiLabel: any('yes') }), 'TypeError', wrongKind, [
    'multiLabel',
  ]],
  ['similarity texts', clip => clip.similarity(image, any(5)), 'TypeError', wrongKind, ['text']],
  ['preprocess priority', clip => clip.preprocess(image, { priority: any('x') }), 'TypeError', wrongKind, ['priority']],
  ['no tower', clip => clip.hiddenStates('a', any(undefined)), 'TypeError', wrongKind, ['tower']],
  ['tower both', clip => clip.hiddenStates('a', { tower: any('both') }), 'RangeError', outOfRange, ['tower']],
  ['layer 4 of 3', clip => clip.hiddenStates('a', { tower: 'text', layer: 4 }), 'RangeError', outOfRange, ['layer']],
  ['layer -5 of 3', clip => clip.hiddenStates('a', { tower: 'text', layer: -5 }), 'RangeError', outOfRange, ['layer']],
  ['states of two texts', clip => clip.hiddenStates(any(['a', 'b']), { tower: 'text' }), 'TypeError', wrongKind, [
    'text',
  ]],
  ['intermediates tower', clip => clip.intermediates('a', { tower: any('both') }), 'RangeError', outOfRange, ['tower']],
  ['intermediates names', clip => clip.intermediates('a', { tower: 'text', names: any(5) }), 'TypeError', wrongKind, [
    'names',
  ]],
  ['intermediates unknown name', clip => clip.intermediates('a', { tower: 'text', names: ['zz'] }), 'ClipError',
    'ERR_CLIP_INPUT_RANGE', ['zz']],
]

const search: Case[] = [
  ['queries', () => topK(any([1]), { data: new Float32Array(2), dim: 2 }, 1), 'TypeError', wrongKind, ['queries']],
  ['no matrix', () => topK(new Float32Array(2), any(null), 1), 'TypeError', wrongKind, ['matrix']],
  ['matrix of doubles', () => topK(new Float32Array(2), any({ data: new Float64Array(2), dim: 2 }), 1), 'TypeError',
    wrongKind, ['matrix.data']],
  ['dim 0', () => topK(new Float32Array(2), { data: new Float32Array(2), dim: 0 }, 1), 'RangeError', outOfRange, [
    'matrix.dim',
  ]],
  ['ragged matrix', () => topK(new Float32Array(2), { data: new Float32Array(3), dim: 2 }, 1), 'RangeError', outOfRange,
    ['matrix.data']],
  ['ragged queries', () => topK(new Float32Array(3), { data: new Float32Array(2), dim: 2 }, 1), 'RangeError',
    outOfRange, ['queries']],
  ['k 0', () => topK(new Float32Array(2), { data: new Float32Array(2), dim: 2 }, 0), 'RangeError', outOfRange, ['k']],
  ['b missing', () => similarityMatrix({ data: new Float32Array(2), dim: 2 }, any(undefined)), 'TypeError', wrongKind, [
    'b',
  ]],
  ['a missing', () => similarityMatrix(any(undefined), { data: new Float32Array(2), dim: 2 }), 'TypeError', wrongKind, [
    'a',
  ]],
  ['other dims', () => similarityMatrix({ data: new Float32Array(4), dim: 4 }, { data: new Float32Array(2), dim: 2 }),
    'RangeError', outOfRange, ['a']],
]

describe('arguments', () => {
  let clip: Clip
  beforeAll(async () => {
    clip = await Clip.load(tinyModel, load)
    await clip.encodeText('known')
  })
  afterAll(() => clip.dispose())
  afterEach(async () => expect(await clip.encodeImage(image)).toHaveLength(clip.info.dim))

  describe.each([
    ['unknown options', unknownOptions],
    ['options of a wrong kind', optionsOfWrongKind],
    ['load', loadOptions],
    ['calls', callArguments],
    ['search', search],
  ])('%s', (_, cases) => {
    it.each(cases)('%s', async (_what, call, kind, code, words) => {
      const error = await failureOf(() => call(clip))
      expect([error.name, error.code, error.message]).toEqual([kind, code, expect.any(String)])
      for (const word of words) expect(error.message).toContain(word)
    })
  })

  it('tells bad options before it starts any work', async () => {
    const before = clip.stats().items
    await failureOf(() => clip.classify(image, ['never seen before'], { topK: 0 }))
    await failureOf(() => clip.classify(image, ['never seen before'], { multiLabel: any(1) }))
    await failureOf(() => clip.classify(image, ['never seen before'], { background: any('red') }))
    expect(clip.stats().items - before).toBe(0)
  })

  it('tells what a shared buffer is by code, not as a defect', async () => {
    const shared = { ...image, data: new Uint8Array(new SharedArrayBuffer(image.data.length)) }
    const floats = new Float32Array(new SharedArrayBuffer(64 * 4))
    for (
      const call of [
        () => clip.encodeImage(shared),
        () => topK(floats, { data: new Float32Array(64), dim: 64 }, 1),
        () => topK(new Float32Array(64), { data: floats, dim: 64 }, 1),
      ]
    ) {
      const code = await Promise.resolve(call()).then(() => 'ok', (error: { code: string }) => error.code)
      expect(['ok', wrongKind]).toContain(code)
    }
  })
})
