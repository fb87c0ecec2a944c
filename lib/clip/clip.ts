/** The main class of the library. */
import { throwIfAborted, underBoth } from '../async/abort.js'
import { checkCallOptions, checkImageOptions, checkTextOptions, imageKeys, pictureKeys,
  textKeys } from './call-options.js'
import { checkClassifyOptions, Classifier, type ClassifierOptions, type ClassifyOptions } from './classifier.js'
import { withDeadline } from '../async/deadline.js'
import { ClipError } from '../errors.js'
import { type DecodeSettings, decodeImage, isImageList } from '../image/image.js'
import { type LoadedModel, loadModel } from './load-model.js'
import { checkLoadOptions, type LoadSettings } from './load-options.js'
import type { NativeImage, NativeModel, NativeSession, NativeTask } from '../native/contract.js'
import { type EncodeOutcome, outcomesInOrder, type StreamOptions } from '../async/outcomes.js'
import { type MapOptions, mapInOrder } from '../async/pipeline.js'
import { checkProfileOptions, type Profile, profileOn, type ProfileOptions, summarise } from './profile.js'
import { Scheduler } from '../scheduler/scheduler.js'
import type { SchedulerStats } from '../scheduler/types.js'
import { type EncodeItem, imageKind, onOwnSession, preprocessKind, SessionRunner } from './session-runner.js'
import { checkHiddenStatesOptions, checkIntermediatesOptions, checkStates, type HiddenStates,
  type HiddenStatesOptions } from './states.js'
import { logitsOf, probabilitiesOf } from '../vectors/scores.js'
import { dot, normalize } from '../vectors/similarity.js'
import { TextTower } from './text-tower.js'
import { batchListener, Tracer } from './trace.js'
import type { CallOptions, ClipInfo, EncodeImageOptions, EncodeTextOptions, ImageInput, ImageOptions, LoadOptions,
  SimilarityResult, TextOptions, VectorOptions } from '../types.js'
import { checkInteger, checkIterable, checkOneOf, checkString, checkTexts } from '../validate.js'

/** On CPUs, batches of images that run longer than this are no faster; texts and GPUs get full batches. */
const batchAimMs = 200

/** What a model has done since it was loaded, and its queue: {@link Clip.stats}. */
export interface ClipStats extends SchedulerStats {
  /** Number of texts whose embedding is cached. */
  cachedTexts: number
}

/**
 * A loaded CLIP model.
 *
 * Calls may be made at any time: they queue, run on native threads, and are batched with others of their kind.
 *
 * @example
 * const clip = await Clip.load()
 * const [best] = await clip.classify('models/samples/pizza.webp', ['pizza', 'guitar', 'rocket'])
 * console.log(best.label) // pizza
 * await clip.dispose()
 */
export class Clip {
  readonly #model: NativeModel
  readonly #runners: SessionRunner[]
  readonly #scheduler: Scheduler<EncodeItem, Float32Array>
  readonly #decoding: DecodeSettings
  /** Undefined if the model has no tokenizer or it is not loaded. */
  readonly #textTower: TextTower | undefined
  readonly #inFlight: number
  readonly #tracer: Tracer
  /** Aborts when the model is disposed of, which also stops decoding. */
  readonly #closing = new AbortController()
  #disposal: Promise<void> | undefined

  /**
   * The model's architecture, sizes, types, device, bytes, licence, source. Frozen.
   *
   * @example
   * const clip = await Clip.load()
   * console.log(clip.info.dim, clip.info.vision.imageSize, clip.info.text.contextLength) // 256 64 32
   * await clip.dispose()
   */
  readonly info: Readonly<ClipInfo>

  private constructor({ model, tokenizer, info }: LoadedModel, settings: LoadSettings) {
    this.#model = model
    this.info = info
    const { threads, sessions } = info
    const { maxBatch, maxWaitMs, maxQueue, decode, maxPixels, maxDecodeMs, svg } = settings
    this.#runners = Array.from(
      { length: sessions },
      () => new SessionRunner(model, model.createSession(threads, maxBatch), info.dim, this.#name),
    )
    this.#tracer = new Tracer(settings.onTrace)
    this.#scheduler = new Scheduler({
      runners: this.#runners,
      maxBatch,
      aimMs: batchAimMs,
      maxWaitMs,
      maxQueue,
      onBatch: this.#tracer.onBatch,
    })
    // as whole patches, images are decoded exactly: their size after resizing depends on their aspect ratio
    const { cropSize: size = 0, resizeMode } = info.vision ?? {}
    const mode = resizeMode === 'patches' || resizeMode === 'none' ? undefined : resizeMode
    this.#decoding = { decode, maxPixels, maxDecodeMs, svg, size: mode ? size : 0, mode }
    this.#inFlight = Math.min(2 * maxBatch * sessions, maxQueue)
    this.#textTower = tokenizer && new TextTower(tokenizer, info.text!.seesPadding, this.#scheduler, maxBatch)
  }

  /**
   * Loads a model.
   *
   * @param source path of a `.gguf` file or of a checkpoint's directory (`config.json` or `open_clip_config.json` with
   *   safetensors or PyTorch weights), or of such a file of weights; a model of the hub,
   * `hf:owner/name[@revision][:file]`;
   *   a name in the registry ({@link models}). Without it: the embedded default model. Files that are not in the hub's
   * cache are
   *   downloaded first ({@link pull}).
   * @throws {TypeError|RangeError} bad options; {ClipError} ERR_CLIP_MODEL_UNKNOWN, ERR_CLIP_FILE_*, ERR_CLIP_TENSOR_*,
   *   ERR_CLIP_CONFIG_INVALID, ERR_CLIP_MODEL_UNSUPPORTED, ERR_CLIP_TOWER_MISSING, ERR_CLIP_DEVICE_UNAVAILABLE,
   *   ERR_CLIP_HUB_*, ...; the signal's reason when cancelled
   *
   * @example
   * const clip = await Clip.load('models/emoji-clip.gguf', { threads: 1, dtype: 'q8_0', towers: 'text' })
   * console.log(Object.keys(clip.info.types).includes('q8_0'), clip.info.vision) // true null
   * await clip.dispose()
   */
  static async load(source?: string, options?: LoadOptions): Promise<Clip> {
    const settings = checkLoadOptions(options)
    return loadModel(source, settings, loaded => new Clip(loaded, settings))
  }

  /**
   * Embeds one image or several.
   *
   * @returns [dim], L2-normalised unless `normalize: false`; for an array one each, in order
   * @throws {TypeError|RangeError} bad arguments; {ClipError} ERR_CLIP_IMAGE_DECODE, ERR_CLIP_IMAGE_TOO_LARGE,
   *   ERR_CLIP_IMAGE_EMPTY, ERR_CLIP_IMAGE_LIMIT, ERR_CLIP_FILE_NOT_FOUND, ERR_CLIP_NOT_FINITE, ERR_CLIP_TOWER_MISSING,
   *   ERR_CLIP_QUEUE_FULL, ERR_CLIP_DEADLINE_EXCEEDED, ERR_CLIP_DISPOSED; the signal's reason
   *
   * @example
   * const one = await clip.encodeImage('models/samples/rocket.png')
   * const [again, pizza] = await clip.encodeImage(['models/samples/rocket.png', 'models/samples/pizza.webp'], { timeoutMs: 5000 })
   * console.log(one.length, again.length, pizza.length) // 256 256 256
   */
  encodeImage(image: ImageInput, options?: EncodeImageOptions): Promise<Float32Array>
  encodeImage(images: readonly ImageInput[], options?: EncodeImageOptions): Promise<Float32Array[]>
  async encodeImage(
    images: ImageInput | readonly ImageInput[],
    options?: EncodeImageOptions,
  ): Promise<Float32Array | Float32Array[]> {
    const settings = checkImageOptions(options, imageKeys)
    this.#needOpen()
    this.#checkDimensions(settings)
    throwIfAborted(settings.signal)
    if (!isImageList(images)) return this.#encodeOneImage(images, settings)
    return withDeadline(settings, async limited => {
      const vectors: Float32Array[] = []
      for await (const vector of mapInOrder(images, this.#streaming(limited), this.#imageEncoder(limited)))
        vectors.push(vector)
      return vectors
    })
  }

  /**
   * Embeds a stream of images: any iterable in, embeddings out in the same order. Reads ahead only far enough to keep
   * the sessions busy; leaving the loop early stops reading.
   *
   * A bad image ends the stream with its error. With `onError: 'yield'` each image yields `{ index, embedding }` or `{
   * index, error }`, and the stream continues.
   *
   * @param images paths, buffers, ... from an array, a generator, a stream
   * @throws as {@link Clip.encodeImage}, when the loop reaches the failed image
   *
   * @example
   * const paths = ['models/samples/rocket.png', 'models/LICENSES.md', 'models/samples/pizza.webp']
   * for await (const { index, embedding, error } of clip.encodeImages(paths, { onError: 'yield' })) {
   *   console.log(index, embedding?.length ?? error.code)
   * }
   * // 0 256
   * // 1 ERR_CLIP_IMAGE_DECODE
   * // 2 256
   */
  encodeImages(
    images: Iterable<ImageInput> | AsyncIterable<ImageInput>,
    options: EncodeImageOptions & { onError: 'yield' },
  ): AsyncGenerator<EncodeOutcome, void, undefined>
  encodeImages(
    images: Iterable<ImageInput> | AsyncIterable<ImageInput>,
    options?: EncodeImageOptions & { onError?: 'throw' },
  ): AsyncGenerator<Float32Array, void, undefined>
  async *encodeImages(
    images: Iterable<ImageInput> | AsyncIterable<ImageInput>,
    options?: EncodeImageOptions & StreamOptions,
  ) {
    const { onError, ...settings } = checkImageOptions(options, [...imageKeys, 'onError'])
    checkIterable('images', images)
    this.#checkDimensions(settings)
    const [limits, encode] = [this.#streaming(settings), this.#imageEncoder(settings)]
    yield* yields(onError) ? outcomesInOrder(images, limits, encode) : mapInOrder(images, limits, encode)
  }

  /**
   * Embeds one text or several. Texts longer than the model's context are truncated; the end token stays.
   *
   * @returns [dim], L2-normalised unless `normalize: false`; for an array one each, in order
   * @throws {TypeError|RangeError} bad arguments; {ClipError} ERR_CLIP_TOKENIZER_MISSING, ERR_CLIP_NOT_FINITE,
   *   ERR_CLIP_TOWER_MISSING, ERR_CLIP_QUEUE_FULL, ERR_CLIP_DEADLINE_EXCEEDED, ERR_CLIP_DISPOSED; the signal's reason
   *
   * @example
   * const text = await clip.encodeText('a photo of a rocket')
   * const [rocket, pizza] = await clip.encodeText(['a photo of a rocket', 'a photo of a pizza'])
   * console.log(text.length, rocket.length, pizza.length) // 256 256 256
   */
  encodeText(text: string, options?: EncodeTextOptions): Promise<Float32Array>
  encodeText(texts: readonly string[], options?: EncodeTextOptions): Promise<Float32Array[]>
  async encodeText(
    texts: string | readonly string[],
    options?: EncodeTextOptions,
  ): Promise<Float32Array | Float32Array[]> {
    const { normalize: unit, dimensions, ...call } = checkTextOptions(options)
    const list = checkTexts(texts)
    this.#needOpen()
    this.#checkDimensions({ dimensions })
    throwIfAborted(call.signal)
    const vectors = await this.#needTextTower().embed(list, call)
    const finished = vectors.map(vector => finish(vector, { normalize: unit, dimensions }))
    return typeof texts === 'string' ? finished[0]! : finished
  }

  /**
   * Embeds a stream of texts, as {@link Clip.encodeImages} does images: in order, reading ahead only far enough to keep
   * the sessions busy.
   *
   * @throws as {@link Clip.encodeText}, when the loop reaches the failed text
   *
   * @example
   * function* captions() {
   *   yield 'a red apple'
   *   yield 'a dog face'
   * }
   * for await (const embedding of clip.encodeTexts(captions())) console.log(embedding.length)
   * // 256
   * // 256
   */
  encodeTexts(
    texts: Iterable<string> | AsyncIterable<string>,
    options: EncodeTextOptions & { onError: 'yield' },
  ): AsyncGenerator<EncodeOutcome, void, undefined>
  encodeTexts(
    texts: Iterable<string> | AsyncIterable<string>,
    options?: EncodeTextOptions & { onError?: 'throw' },
  ): AsyncGenerator<Float32Array, void, undefined>
  async *encodeTexts(texts: Iterable<string> | AsyncIterable<string>, options?: EncodeTextOptions & StreamOptions) {
    const { onError, ...settings } = checkTextOptions(options, [...textKeys, 'onError'])
    const limits = this.#streaming(settings)
    const encode = (text: string, _: number, signal: AbortSignal): Promise<Float32Array> =>
      this.encodeText(checkString('texts', text, { empty: true }), { ...settings, signal })
    checkIterable('texts', texts)
    this.#checkDimensions(settings)
    yield* yields(onError) ? outcomesInOrder(texts, limits, encode) : mapInOrder(texts, limits, encode)
  }

  /**
   * Zero-shot classification of an image: labels with scores, best first.
   *
   * For many images or repeated calls create a {@link Clip.classifier} once.
   *
   * @returns every label, or the `topK` best: `score` is the softmax over the labels of the logits
   *   `logitScale * cosine + logitBias` (Radford et al. 2021, figure 3), or their sigmoid for models trained with one
   *   (Zhai et al. 2023)
   * @throws {TypeError|RangeError} bad arguments; {ClipError} as {@link Clip.encodeImage} and {@link Clip.encodeText}; the
   *   signal's reason
   *
   * @example
   * const [best] = await clip.classify('models/samples/dog-face.png', ['dog face', 'cat face', 'rocket'])
   * console.log(best.label, best.score > 0.9) // dog face true
   *
   * // independent scores: several labels may fit
   * const labels = await clip.classify('models/samples/dog-face.png', ['dog face', 'animal', 'rocket'], { multiLabel: true, topK: 2 })
   * console.log(labels.length) // 2
   */
  async classify(image: ImageInput, labels: readonly string[], options?: ClassifyOptions) {
    return withDeadline(checkClassifyOptions(options), async ({ templates, language, ...rest }) => {
      const { signal, priority, client, onTrace } = rest
      const classifier = await this.classifier(labels, { templates, language, signal, priority, client, onTrace })
      return classifier.classify(image, rest)
    })
  }

  /**
   * Creates a reusable zero-shot classifier: the labels' vectors are computed once.
   *
   * @param labels at least one, none of them empty
   * @throws {TypeError|RangeError} bad arguments; {ClipError} as {@link Clip.encodeText}; the signal's reason
   *
   * @example
   * const weather = await clip.classifier(['umbrella', 'sunflower'], { templates: label => `a drawing of a ${label}` })
   * const [best] = await weather.classify('models/samples/sunflower.png')
   * console.log(best.label) // sunflower
   */
  classifier(labels: readonly string[], options?: ClassifierOptions): Promise<Classifier> {
    return Classifier.create(this, labels, options)
  }

  /**
   * Logits and probabilities of every pair, like the reference's `logits_per_image`: rows are images, columns texts.
   *
   * @throws {TypeError|RangeError} bad arguments; {ClipError} as {@link Clip.encodeImage} and {@link Clip.encodeText}; the
   *   signal's reason
   *
   * @example
   * const { logits, probabilities } = await clip.similarity(['models/samples/pizza.webp', 'models/samples/guitar.jpg'], ['pizza', 'guitar'])
   * console.log(logits.length, logits[0].length) // 2 2
   * console.log(probabilities[0][0] > 0.9, probabilities[1][1] > 0.9) // true true
   */
  async similarity(
    images: ImageInput | readonly ImageInput[],
    texts: string | readonly string[],
    options?: ImageOptions,
  ): Promise<SimilarityResult> {
    const settings = checkImageOptions(options, pictureKeys)
    const { signal, priority, client, timeoutMs, onTrace } = settings
    const imageInputs = isImageList(images) ? images : [images]
    const [imageVectors, textVectors] = await Promise.all([
      this.encodeImage(imageInputs, settings),
      this.encodeText(checkTexts(texts), { signal, priority, client, timeoutMs, onTrace }),
    ])
    const logits = imageVectors.map(image =>
      Float32Array.from(logitsOf(textVectors.map(text => dot(image, text)), this.info))
    )
    return { logits, probabilities: logits.map(row => Float32Array.from(probabilitiesOf(row, this.info))) }
  }

  /**
   * The input of the image encoder: the image resized, cropped and normalised; with any grid, a whole number of
   * patches.
   *
   * @returns [3, H, W], as {@link ImageTensor} expects it
   * @throws as {@link Clip.encodeImage}
   *
   * @example
   * const tensor = await clip.preprocess('models/samples/pizza.webp')
   * console.log(tensor.length === 3 * 64 * 64) // true
   * const embedding = await clip.encodeImage({ tensor })
   */
  async preprocess(image: ImageInput, options?: ImageOptions): Promise<Float32Array> {
    const settings = checkImageOptions(options, pictureKeys)
    this.#needOpen()
    this.#needTower('vision')
    return withDeadline(settings, async ({ signal, priority, client, onTrace, orient, decode, background }) => {
      const name = imageName('image', image)
      const decoded = await this.#decode(image, { orient, decode, signal, onTrace })
      if ('tensor' in decoded) return decoded.tensor
      return this.#scheduler.submit(preprocessKind, { image: decoded, background, name }, { signal, priority, client })
    })
  }

  /**
   * The reference's token ids: with start and end tokens, truncated and padded to the context length.
   *
   * @returns [contextLength]; for an array of n texts flat [n][contextLength]
   * @throws {TypeError|RangeError} bad arguments; {ClipError} ERR_CLIP_TOKENIZER_MISSING, ERR_CLIP_DISPOSED
   *
   * @example
   * const ids = clip.tokenize('a photo of a rocket')
   * console.log(ids.length, ids[0] === clip.info.text.bosId) // 32 true
   */
  tokenize(texts: string | readonly string[], options?: Pick<TextOptions, 'language'>): Int32Array {
    const { language } = checkCallOptions<TextOptions>(options, ['language'])
    this.#needOpen()
    return this.#needTextTower().tokenizer.encodePadded(checkTexts(texts), language)
  }

  /**
   * Per-token states of a layer: text conditioning for diffusion models, patch features for vision-language models.
   * Texts run at their full padded length, as in the reference. The states equal transformers' `hidden_states[layer]`;
   * with `norm`, its `final_layer_norm` (`post_layernorm` for images) is applied to them.
   *
   * @returns [tokens][width]; for an array of layers one each, in order, from one run
   * @throws {TypeError|RangeError} bad arguments, no such layer; {ClipError} as {@link Clip.encodeImage} and
   *   {@link Clip.encodeText}; the signal's reason
   *
   * @example
   * const { data, tokens, width } = await clip.hiddenStates('a photo of a rocket', { tower: 'text', layer: -2 })
   * console.log(tokens, width, data.length === tokens * width) // 32 256 true
   *
   * const patches = await clip.hiddenStates('models/samples/pizza.webp', { tower: 'image', layer: [-1, -2] })
   * console.log(patches.length) // 2
   */
  hiddenStates(input: ImageInput, options: HiddenStatesOptions): Promise<HiddenStates>
  hiddenStates(input: ImageInput, options: HiddenStatesOptions<readonly number[]>): Promise<HiddenStates[]>
  async hiddenStates(
    input: ImageInput,
    options: HiddenStatesOptions<number | readonly number[]>,
  ): Promise<HiddenStates | HiddenStates[]> {
    const { tower, names, several, signal } = checkHiddenStatesOptions(options, tower => this.#needTower(tower).layers)
    const states = await this.intermediates(input, { tower, names, signal })
    return several ? names.map(name => states[name]!) : states[names[0]!]!
  }

  /**
   * Named intermediate states of one input, for comparing a model with its reference; docs/architecture.md lists the
   * names. An empty `names` returns all of them.
   *
   * @throws as {@link Clip.hiddenStates}
   *
   * @example
   * const states = await clip.intermediates('a rocket', { tower: 'text', names: ['text.embeddings', 'text.hidden.1'] })
   * console.log(Object.keys(states).sort().join(' ')) // text.embeddings text.hidden.1
   */
  async intermediates(
    input: ImageInput,
    options: { tower: 'image' | 'text'; names?: readonly string[]; signal?: AbortSignal },
  ): Promise<Record<string, HiddenStates>> {
    const { tower, names, signal } = checkIntermediatesOptions(options)
    throwIfAborted(signal)
    if (tower === 'text') {
      const ids = this.tokenize(checkString('text', input, { empty: true }))
      return checkStates(
        this.#name,
        'text',
        await this.#onOwnSession(session => session.textStates(ids, names), signal),
      )
    }
    this.#needTower('vision')
    const image = await this.#decode(input, { signal })
    return checkStates(
      this.#name,
      imageName('image', input),
      await this.#onOwnSession(session => session.imageStates(image, names), signal),
    )
  }

  /**
   * Where the time of a batch goes: `batch` times the same input, in a session of its own. See docs/performance.md.
   *
   * @internal
   */
  async profile(input: ImageInput, options: ProfileOptions): Promise<Profile> {
    const { tower, batch, runs } = checkProfileOptions(options)
    this.#needTower(tower === 'image' ? 'vision' : 'text')
    const prepared = tower === 'image'
      ? await this.#decode(input, {})
      : this.#needTextTower().idsOf(checkTexts(input as string)[0]!)
    const native = await this.#onOwnSession(session => profileOn(session, prepared, batch, runs), undefined, batch)
    return summarise(native, { tower, batch, threads: this.info.threads, kernels: this.info.kernels })
  }

  /**
   * Queue, batches and times so far.
   *
   * @example
   * const clip = await Clip.load()
   * await clip.encodeText(['a cat', 'a dog'])
   * const { queued, items, batches, waitMs } = clip.stats()
   * console.log(queued, items, batches, waitMs.p99 >= 0) // 0 2 1 true
   * await clip.dispose()
   */
  stats(): ClipStats {
    return { ...this.#scheduler.stats(), cachedTexts: this.#textTower?.cached ?? 0 }
  }

  /**
   * Disposes of the model: refuses new calls, rejects waiting ones with ERR_CLIP_DISPOSED, waits for running ones, then
   * releases the memory. Idempotent.
   *
   * @example
   * const clip = await Clip.load()
   * await clip.dispose()
   * await clip.encodeText('too late').catch(error => console.log(error.code)) // ERR_CLIP_DISPOSED
   */
  dispose(): Promise<void> {
    this.#disposal ??= this.#dispose()
    return this.#disposal
  }

  /** {@link Clip.dispose}, for `await using clip = await Clip.load()` where the language supports it. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }

  async #dispose(): Promise<void> {
    this.#closing.abort(disposed())
    await this.#scheduler.dispose()
    await Promise.all(this.#runners.map(runner => runner.session.dispose()))
    this.#model.dispose()
    this.#textTower?.clear()
  }

  // ---- images --------------------------------------------------------------------------------------------------------

  /** Encodes the images of a list or a stream, with one signal for all of them. */
  #imageEncoder(settings: EncodeImageOptions) {
    return (image: ImageInput, index: number, signal: AbortSignal): Promise<Float32Array> =>
      this.#encodeOneImage(image, { ...settings, signal }, `images[${index}]`)
  }

  async #encodeOneImage(input: ImageInput, settings: EncodeImageOptions, name = 'image'): Promise<Float32Array> {
    this.#needOpen()
    if (this.#needTower('vision').pooling === 'none') {
      throw new ClipError(
        'ERR_CLIP_MODEL_UNSUPPORTED',
        `${this.#name}: the image encoder was saved without its pooling head and has no embedding: use hiddenStates`,
      )
    }
    const vector = await withDeadline(
      settings,
      async ({ signal, priority, client, onTrace, orient, decode, background }) => {
        const image = await this.#decode(input, { orient, decode, signal, onTrace }, name)
        const item = { image, background, name: imageName(name, input) }
        return this.#scheduler.submit(imageKind(background), item, {
          signal,
          priority,
          client,
          onBatch: batchListener(onTrace),
        })
      },
    )
    return finish(vector, settings)
  }

  async #decode(
    input: ImageInput,
    { orient, decode, signal, onTrace }: ImageOptions,
    name = 'image',
  ): Promise<NativeImage> {
    throwIfAborted(signal)
    const image = await this.#tracer.decode(() =>
      underBoth(signal, this.#closing.signal, stop =>
        decodeImage(input, {
          ...this.#decoding,
          orient,
          ...(decode === undefined ? {} : { decode }),
          signal: stop,
          name,
        })), onTrace)
    throwIfAborted(signal)
    return image
  }

  #needTextTower(): TextTower {
    this.#needTower('text')
    return this.#textTower!
  }

  #streaming({ signal }: CallOptions): MapOptions {
    return { limit: this.#inFlight, signal }
  }

  // ---- state ---------------------------------------------------------------------------------------------------------

  /** The model's name in messages. */
  get #name(): string {
    return this.info.name || this.info.path
  }

  #needOpen(): void {
    if (this.#disposal) throw disposed()
  }

  #checkDimensions({ dimensions }: VectorOptions): void {
    if (dimensions !== undefined) checkInteger('dimensions', dimensions, { min: 1, max: this.info.dim })
  }

  #needTower<T extends 'vision' | 'text'>(tower: T): NonNullable<ClipInfo[T]> {
    const info = this.info[tower]
    if (info === null) {
      const name = tower === 'vision' ? 'image' : 'text'
      throw new ClipError(
        'ERR_CLIP_TOWER_MISSING',
        `${this.info.path}: the ${name} tower is not loaded or not in the file`,
      )
    }
    return info
  }

  #onOwnSession<T>(run: (session: NativeSession) => NativeTask<T>, signal?: AbortSignal, maxBatch = 1): Promise<T> {
    this.#needOpen()
    return onOwnSession(this.#model, { threads: this.info.threads, maxBatch, signal }, run)
  }
}

/** An image's name in messages: its path if it has one, else its position. */
function imageName(name: string, input: ImageInput): string {
  return typeof input === 'string' ? `${name} '${input}'` : name
}

function yields(onError: StreamOptions['onError']): boolean {
  return onError !== undefined && checkOneOf('onError', onError, ['throw', 'yield']) === 'yield'
}

function disposed(): ClipError {
  return new ClipError('ERR_CLIP_DISPOSED', 'this Clip has been disposed')
}

function finish(vector: Float32Array, { normalize: unit = true, dimensions }: VectorOptions): Float32Array {
  const part = vector.subarray(0, dimensions)
  return unit ? normalize(part) : part.slice()
}
