/**
 * What the public types promise: compiled, never run. `npm run typecheck` compiles it against the sources, and
 * scripts/check-types.cjs against the package, under each way in which TypeScript finds a package.
 */
import { expectTypeOf } from 'expect-type'

import { type ArgumentError, type CallOptions, type Classification, type Classifier, Clip, ClipError,
  type ClipErrorCode, type ClipInfo, convert, cosineSimilarity, type EncodeOutcome, type errorCodes, type HiddenStates,
  type ImageInput, inspect, type LoadOptions, type Matrix, models, normalize, pull, quantize, report, sigmoid,
  similarityMatrix, softmax, type Template, type TopK, topK, type TraceEvent, type Vector, type WeightType,
  weightTypes } from '../../lib/index'
import { Server, type ServerOptions } from '../../lib/server/index'

declare const clip: Clip
declare const classifier: Classifier

// ---- loading ----

expectTypeOf(Clip.load).returns.resolves.toEqualTypeOf<Clip>()
expectTypeOf(Clip.load).toBeCallableWith()
expectTypeOf(Clip.load).toBeCallableWith('clip-vit-b-32', {
  device: 'cpu',
  threads: 2,
  dtype: 'q8_0',
  signal: new AbortController().signal,
})
// @ts-expect-error an option that does not exist
void Clip.load('a.gguf', { thread: 2 })
// @ts-expect-error a type that no weight has
void Clip.load('a.gguf', { dtype: 'q8' })
// @ts-expect-error made by load alone
new Clip()
expectTypeOf<LoadOptions['precision']>().toEqualTypeOf<'default' | 'fast' | 'exact' | undefined>()
expectTypeOf<LoadOptions['dtype']>().toEqualTypeOf<WeightType | undefined>()
expectTypeOf(weightTypes[0]).toEqualTypeOf<'f32'>()
expectTypeOf(clip.info).toEqualTypeOf<Readonly<ClipInfo>>()
expectTypeOf(clip.info.vision).extract<null>().toEqualTypeOf<null>() // an encoder may be left out
expectTypeOf(clip.info.text!.contextLength).toEqualTypeOf<number>()
expectTypeOf(clip.stats().waitMs.p99).toEqualTypeOf<number>()
expectTypeOf(clip[Symbol.asyncDispose]).returns.toEqualTypeOf<Promise<void>>()

// ---- encoding: one in, one out; several in, several out ----

expectTypeOf(clip.encodeText('a cat')).resolves.toEqualTypeOf<Float32Array>()
expectTypeOf(clip.encodeText(['a cat', 'a dog'])).resolves.toEqualTypeOf<Float32Array[]>()
expectTypeOf(clip.encodeText(['a cat'] as const)).resolves.toEqualTypeOf<Float32Array[]>()
expectTypeOf(clip.encodeImage('cat.png')).resolves.toEqualTypeOf<Float32Array>()
expectTypeOf(clip.encodeImage(['cat.png', new URL('file:///dog.png')])).resolves.toEqualTypeOf<Float32Array[]>()
// @ts-expect-error pictures only have an orientation
void clip.encodeText('a cat', { orient: false })
// @ts-expect-error a colour has three parts
void clip.encodeImage('cat.png', { background: [255, 255] })
expectTypeOf<CallOptions>().toHaveProperty('timeoutMs')

expectTypeOf(new Uint8Array()).toExtend<ImageInput>()
expectTypeOf(Buffer.alloc(1)).toExtend<ImageInput>()
expectTypeOf(new ArrayBuffer(1)).toExtend<ImageInput>()
expectTypeOf(new Blob([])).toExtend<ImageInput>()
expectTypeOf({ tensor: new Float32Array(1) }).toExtend<ImageInput>()
expectTypeOf({ data: new Uint8ClampedArray(4), width: 1, height: 1, channels: 4 as const }).toExtend<ImageInput>()
expectTypeOf({ data: new Uint8Array(2), width: 1, height: 1, channels: 2 as const }).not.toExtend<ImageInput>()
expectTypeOf<number>().not.toExtend<ImageInput>()

// ---- streams: vectors, or outcomes of which one half is there ----

async function* captions(): AsyncGenerator<string> {
  yield await Promise.resolve('a cat')
}
expectTypeOf(clip.encodeTexts(captions())).toEqualTypeOf<AsyncGenerator<Float32Array, void, undefined>>()
expectTypeOf(clip.encodeImages(new Set(['cat.png']))).toEqualTypeOf<AsyncGenerator<Float32Array, void, undefined>>()
expectTypeOf(clip.encodeTexts(['a cat'], { onError: 'throw' })).toEqualTypeOf<
  AsyncGenerator<Float32Array, void, undefined>
>()
expectTypeOf(clip.encodeTexts(['a cat'], { onError: 'yield' })).toEqualTypeOf<
  AsyncGenerator<EncodeOutcome, void, undefined>
>()
declare const outcome: EncodeOutcome
expectTypeOf(outcome.index).toEqualTypeOf<number>()
if (outcome.error) {
  expectTypeOf(outcome.error).toEqualTypeOf<Error>()
  expectTypeOf(outcome.embedding).toEqualTypeOf<undefined>()
} else {
  expectTypeOf(outcome.embedding).toEqualTypeOf<Float32Array>()
}
declare const event: TraceEvent
if (event.type === 'batch') expectTypeOf(event.waitMs).toEqualTypeOf<number>()
else expectTypeOf(event.width).toEqualTypeOf<number | undefined>()

expectTypeOf(clip.hiddenStates('a cat', { tower: 'text' })).resolves.toEqualTypeOf<HiddenStates>()
expectTypeOf(clip.hiddenStates('a cat', { tower: 'text', layer: [-1, -2] })).resolves.toEqualTypeOf<HiddenStates[]>()
// @ts-expect-error a string may be a text or a path: the tower says which
void clip.hiddenStates('a cat', { layer: -1 })
expectTypeOf(clip.preprocess('cat.png')).resolves.toEqualTypeOf<Float32Array>()
expectTypeOf(clip.tokenize(['a cat'])).toEqualTypeOf<Int32Array>()

// ---- classifying ----

expectTypeOf(clip.classify('cat.png', ['cat', 'dog'], { topK: 1, templates: label => `a ${label}` })).resolves
  .toEqualTypeOf<Classification[]>()
expectTypeOf(clip.classifier(['cat'])).resolves.toEqualTypeOf<Classifier>()
expectTypeOf(classifier.classify('cat.png')).resolves.toEqualTypeOf<Classification[]>()
expectTypeOf(classifier.classify(['cat.png'])).resolves.toEqualTypeOf<Classification[][]>()
// @ts-expect-error the templates are a classifier's own
void classifier.classify('cat.png', { templates: 'a {}' })
expectTypeOf<Template>().toEqualTypeOf<string | ((label: string) => string)>()
expectTypeOf(clip.similarity('cat.png', ['a cat'])).resolves.toEqualTypeOf<
  { logits: Float32Array[]; probabilities: Float32Array[] }
>()

// ---- vectors ----

expectTypeOf(cosineSimilarity).parameters.toEqualTypeOf<[a: Vector, b: Vector]>()
expectTypeOf(normalize([1, 2])).toEqualTypeOf<Float32Array>()
expectTypeOf(softmax([1, 2])).toEqualTypeOf<number[]>()
expectTypeOf(sigmoid(1)).toEqualTypeOf<number>()
expectTypeOf(sigmoid([1])).toEqualTypeOf<number[]>()
declare const matrix: Matrix
expectTypeOf(topK(new Float32Array(4), matrix, 3)).resolves.toEqualTypeOf<TopK>()
expectTypeOf(similarityMatrix({ data: new Float32Array(4), dim: 2 }, matrix)).resolves.toEqualTypeOf<Float32Array>()
// @ts-expect-error queries are f32
void similarityMatrix({ data: new Int8Array(4), dim: 2 }, matrix)

// ---- errors ----

expectTypeOf<ClipErrorCode>().toEqualTypeOf<(typeof errorCodes)[number]>()
expectTypeOf<'ERR_CLIP_IMAGE_DECODE'>().toExtend<ClipErrorCode>()
expectTypeOf<'ERR_CLIP_NO_SUCH'>().not.toExtend<ClipErrorCode>()
expectTypeOf<string>().not.toExtend<ClipErrorCode>()
declare const caught: unknown
if (caught instanceof ClipError) {
  expectTypeOf(caught.code).toEqualTypeOf<ClipErrorCode>()
  expectTypeOf(caught.retryAfterMs).toEqualTypeOf<number | undefined>()
}
expectTypeOf<ArgumentError>().toExtend<Error>()
expectTypeOf<ArgumentError['argument']>().toEqualTypeOf<string>()

// ---- files, hub, server ----

expectTypeOf(convert('a', 'b.gguf', {
  dtype: 'f16',
  onProgress: ({ stage }) => {
    expectTypeOf(stage).toEqualTypeOf<'download' | 'measure' | 'write'>()
  },
})).resolves.toHaveProperty('bytes')
expectTypeOf(quantize('a', 'b.gguf', { policy: 'uniform' })).resolves.toHaveProperty('tensors')
expectTypeOf(report('a', ['b'])).resolves.toHaveProperty('models')
expectTypeOf(inspect('a')).resolves.toHaveProperty('problems').items.toHaveProperty('code').toEqualTypeOf<
  ClipErrorCode
>()
expectTypeOf(pull('clip-vit-b-32')).resolves.toHaveProperty('path').toEqualTypeOf<string>()
// @ts-expect-error the list is frozen
models.push(models[0]!)

expectTypeOf(Server.start).parameter(0).toEqualTypeOf<ServerOptions | undefined>()
expectTypeOf(Server.start).toBeCallableWith({
  port: 0,
  models: { a: 'a.gguf', b: { source: 'b.gguf', dtype: 'q8_0', dimensions: [256] } },
  apiKeys: ['key', { name: 'n', key: 'k' }],
})
// @ts-expect-error those of the server hold for all of its models
void Server.start({ models: { a: { maxQueue: 1 } } })
expectTypeOf<Server['settings']['port']>().toEqualTypeOf<number>()
expectTypeOf<Server['settings']>().not.toHaveProperty('apiKeys')
