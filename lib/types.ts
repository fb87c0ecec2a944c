/** Public types that several files share. */
import type { Sharp } from 'sharp'

import type { HubOptions } from './models/hub-settings.js'
import type { NativeModelInfo } from './native/contract.js'
import type { TraceEvent } from './clip/trace.js'

/**
 * 8-bit sRGB pixels, row-major, `channels` interleaved bytes each: 1 grey, 3 RGB, 4 RGBA (alpha not premultiplied).
 *
 * @example
 * const red = { data: new Uint8Array(32 * 32 * 3).map((_, i) => (i % 3 === 0 ? 255 : 0)), width: 32, height: 32, channels: 3 }
 * console.log((await clip.encodeImage(red)).length) // 256
 */
export interface RawPixels {
  /** `width * height * channels` bytes. */
  data: Uint8Array | Uint8ClampedArray
  /** Pixels per row. */
  width: number
  /** Rows. */
  height: number
  /** Bytes per pixel: 1 grey, 3 RGB, 4 RGBA. */
  channels: 1 | 3 | 4
}

/**
 * An image prepared by the caller or by {@link Clip.preprocess}: [3, H, W], normalised, with the model's H and W. A
 * model that accepts any grid (`info.vision.anyGrid`) needs `width` and `height`, multiples of the patch size, unless
 * the image is square.
 *
 * @example
 * const tensor = await clip.preprocess('models/samples/rocket.png')
 * console.log((await clip.encodeImage({ tensor })).length) // 256
 */
export interface ImageTensor {
  /** `3 * height * width` values: the red plane, then green, then blue, each row by row. */
  tensor: Float32Array
  /** Pixels, a multiple of the patch size. Default: the model's, or a square. */
  width?: number
  /** Like `width`. */
  height?: number
}

/**
 * Anything that {@link Clip} accepts as an image: a path or a `file:` URL, the bytes of an encoded file (JPEG, PNG,
 * WebP, AVIF, the first frame of GIF and TIFF, BMP, PNM, SVG; HEIC if `heic-decode` is installed), raw pixels, a sharp
 * instance, or a prepared tensor.
 *
 * @example
 * import { readFile } from 'node:fs/promises'
 * import sharp from 'sharp'
 *
 * const file = 'models/samples/rocket.png'
 * const embeddings = await clip.encodeImage([file, await readFile(file), sharp(file).rotate(90)])
 * console.log(embeddings.length) // 3
 */
export type ImageInput = string | URL | Uint8Array | ArrayBuffer | Blob | RawPixels | ImageTensor | Sharp

/** An RGB colour, 0 to 255 each. */
export type Rgb = readonly [number, number, number]

/** Where a model computes; 'auto' uses a GPU if there is one. */
export type Device = 'auto' | 'cpu' | 'cuda' | 'metal' | 'vulkan'
/** The encoders of a model. */
export type Towers = 'both' | 'image' | 'text'
/**
 * Arithmetic: 'default' rounds the inputs of quantised layers to 8 bits in blocks, 'fast' multiplies bytes with one
 * scale per output row and token, 'exact' computes in f32.
 */
export type Precision = 'default' | 'fast' | 'exact'

/**
 * Types that weights can be converted to, largest first.
 *
 * @example
 * console.log(weightTypes.includes('q8_0')) // true
 */
export const weightTypes = [
  'f32',
  'f16',
  'bf16',
  'q8_0',
  'q6_k',
  'q5_1',
  'q5_0',
  'q5_k',
  'q4_1',
  'q4_0',
  'q4_k',
  'iq4_nl',
] as const
/** One of {@link weightTypes}, as ggml names them. `q8_0` has 8 bits per weight and one scale for each 32. */
export type WeightType = (typeof weightTypes)[number]

/** How large images are decoded: at reduced scale if that is faster ('auto'), or every pixel ('exact'). */
export type DecodeMode = 'auto' | 'exact'

/** Options of {@link Clip.load}: device, arithmetic, memory, limits of the queue. */
export interface LoadOptions extends HubOptions {
  /**
   * Where to compute. 'auto': the CPU, or a GPU that has a backend (docs/devices.md) and was faster when a process first
   * loaded the model: both then embed a few batches, once in a process. Default 'auto'.
   */
  device?: Device
  /**
   * CPU threads of each session. Default: the cores that the process may use, divided by `sessions`. A hyper-threaded
   * core counts once, a hybrid CPU by its performance cores; affinity and a container's CPU quota are respected
   * (docs/performance.md).
   */
  threads?: number
  /** Batches that may run at the same time, each with its own scratch memory. Default: 1; on a CPU one per 16 cores. */
  sessions?: number
  /** Which encoders to load; the other's weights are not read. Default 'both' (those that the model has). */
  towers?: Towers
  /**
   * Weight type in memory. Weights of another type are converted while loading, except for tensors with values beyond
   * f16, which keep a type that holds them. Default: as in the file.
   */
  dtype?: WeightType
  /** Arithmetic: 'fast' multiplies bytes with one scale per output row and token, 'exact' computes in f32. Default 'default'. */
  precision?: Precision
  /**
   * Most inputs of one batch, which bounds scratch memory. Batches are smaller if they would run longer than 200 ms.
   * Default 32.
   */
  maxBatch?: number
  /**
   * Most bytes that the model may take: its weights, the scratch memory of all sessions, and the pictures that wait for
   * the encoder at their size. Weights that need more are refused with ERR_CLIP_OUT_OF_MEMORY; batches become as small as
   * needed, and one input that still needs more fails with that error. Decoded images, their decoders (60 MB each) and
   * Node itself are not counted (docs/edge.md). Default: no limit.
   */
  maxMemory?: number
  /**
   * Longest time that an idle session waits for a batch to fill, in milliseconds. It waits only while calls come so
   * fast, and several at a time, that more are likely. Default 0: never.
   */
  maxWaitMs?: number
  /** Most waiting calls; further ones are refused with ERR_CLIP_QUEUE_FULL. Default 1024. */
  maxQueue?: number
  /** Cancels loading and any download that it needs: see {@link HubOptions.signal}. */
  signal?: AbortSignal
  /** 'auto' decodes large JPEG and WebP images at reduced scale; 'exact' decodes every pixel. Default 'auto'. */
  decode?: DecodeMode
  /** Most pixels of an image (width x height); larger ones are refused with ERR_CLIP_IMAGE_TOO_LARGE. Default 2^28. */
  maxPixels?: number
  /**
   * Most milliseconds for decoding an image; then decoding is stopped and the call fails with ERR_CLIP_IMAGE_LIMIT.
   * Default 20000.
   */
  maxDecodeMs?: number
  /** Read SVG, which is rendered in a process of its own and never loads external resources. Default true. */
  svg?: boolean
  /** Called for each decoded image and each batch, for metrics. An exception in it is an uncaught exception. */
  onTrace?: (event: TraceEvent) => void
}

/** Options of every asynchronous call. */
export interface CallOptions {
  /** Cancels the call: it rejects with the signal's reason. */
  signal?: AbortSignal
  /** Integer from -100 to 100, higher goes first. Default 0. */
  priority?: number
  /**
   * Name of the client: clients share queue and sessions fairly. Default: calls without a name count as one client's.
   */
  client?: string
  /**
   * Milliseconds after which the call rejects with ERR_CLIP_DEADLINE_EXCEEDED; in streams, for each input. Default:
   * none.
   */
  timeoutMs?: number
  /**
   * Called for each image that is decoded for this call, and for the batch of each of its images or its texts, with
   * their own `waitMs`. Cached texts cause no event. An exception in it is an uncaught exception.
   */
  onTrace?: (event: TraceEvent) => void
}

/** How a text is read. */
export interface TextOptions extends CallOptions {
  /**
   * The language of the texts, for models that are told it (NLLB): a code of FLORES-200 such as `deu_Latn`. Default: the
   * tokenizer's own, English unless its configuration says otherwise.
   */
  language?: string
}

/** How an embedding is returned. */
export interface VectorOptions {
  /** L2-normalise the embedding. Default true. */
  normalize?: boolean
  /**
   * Length: the first values only, cut before they are normalised. For models trained so that these are an embedding of
   * their own (Matryoshka: jina-clip-v2, nllb-siglip-mrl); from 1 to `info.dim`. Default: all.
   */
  dimensions?: number
}

/** Options of {@link Clip.encodeText} and {@link Clip.encodeTexts}. */
export interface EncodeTextOptions extends TextOptions, VectorOptions {}

/** How an image is read. */
export interface ImageOptions extends CallOptions {
  /** Apply the EXIF orientation. Default true. */
  orient?: boolean
  /** Colour under transparent pixels. Default: the model's, which is white unless its configuration says otherwise. */
  background?: Rgb
  /** How to decode this image. Default: the model's {@link LoadOptions.decode}. */
  decode?: DecodeMode
}

/** Options of {@link Clip.encodeImage} and {@link Clip.encodeImages}. */
export interface EncodeImageOptions extends ImageOptions, VectorOptions {}

/** One label's result in a classification. */
export interface Classification {
  /** The label as passed. */
  label: string
  /** Probability: softmax over the labels, or sigmoid of each (`multiLabel`, and models trained with a sigmoid loss). */
  score: number
  /** Cosine similarity between the image and the label's text vector, -1 to 1. */
  similarity: number
}

/** Logits and probabilities of every image-text pair; one row per image, like the reference's `logits_per_image`. */
export interface SimilarityResult {
  /** exp(logitScale) * cosine + logitBias; [images][texts]. */
  logits: Float32Array[]
  /** Softmax of each row, or sigmoid of each value for sigmoid models; [images][texts]. */
  probabilities: Float32Array[]
}

export type { DeviceInfo } from './native/contract.js'

/** Description of a loaded model. */
export interface ClipInfo extends Omit<NativeModelInfo, 'logitScale'> {
  /** Always 'clip', GGUF's name for dual encoders. */
  architecture: 'clip'
  /** Factor of the cosine in the logits (already exponentiated; 100 for OpenAI's models). */
  logitScale: number
  /**
   * Why the model computes on `device`: it was asked for, it is the only one, or with `device: 'auto'` the times of an
   * input on the GPU and on the CPU.
   */
  deviceReason: string
  /** CPU threads of each session. */
  threads: number
  /** Batches that may run at the same time. */
  sessions: number
}
