/**
 * The complete type of the addon; nothing else describes the native side to TypeScript. Arguments are checked for
 * meaning before they get here; the addon checks them again for memory safety.
 */
import type { NativeHparams, NativeTextHparams, NativeVisionHparams } from './hparams.js'

/** Decoded 8-bit pixels, row-major, `channels` interleaved bytes each (1 grey, 3 RGB, 4 RGBA not premultiplied). */
export interface NativePixels {
  data: Uint8Array
  width: number
  height: number
  channels: 1 | 3 | 4
}

/** One image of a batch: pixels to resize and normalise natively, or a prepared [3, H, W] tensor. */
export type NativeImage = NativePixels | { tensor: Float32Array; width?: number; height?: number }

/** A device that can hold a model. */
export interface DeviceInfo {
  /** The backend's name for it, such as 'CPU' or 'Vulkan0'. */
  name: string
  /** What the option `device` calls it: 'cpu', 'cuda', 'metal', 'vulkan'. */
  kind: string
  /** The hardware. */
  description: string
}

export interface NativeModelInfo extends NativeHparams {
  /** The path that was loaded. */
  path: string
  /** Format of the weights' file. */
  format: 'gguf' | 'safetensors' | 'torch'
  /** The name of the device in use. */
  device: string
  /** The devices found when the model was loaded. */
  devices: DeviceInfo[]
  /** The GPU backends that were tried: `problem` says why one is not in use, and is empty otherwise. */
  backendModules: { path: string; problem: string }[]
  /** Kernel level of the CPU path, e.g. 'avx2'; 'portable' if plain ggml operations run. */
  kernels: string
  /** Number of tensors and bytes by weight type, in memory. */
  types: Record<string, { tensors: number; bytes: number }>
  /** Bytes of all weights in memory. */
  bytes: number
  /** The image encoder; null if it is not loaded. */
  vision: (NativeVisionHparams & {
    /** Bytes of this tower's weights in memory. */
    bytes: number
    /** Tokens of an image with the position table's own grid. */
    tokens: number
  }) | null
  /** The text encoder; null if it is not loaded. */
  text: (NativeTextHparams & {
    /** Bytes of this tower's weights in memory. */
    bytes: number
  }) | null
}

/** Folders of files that are not beside the weights; '' if they are. */
export interface NativeFolders {
  tokenizerFolder: string
  processorFolder: string
}

interface NativeLoadOptions extends Partial<NativeFolders> {
  device: 'auto' | 'cpu' | 'cuda' | 'metal' | 'vulkan'
  towers: 'both' | 'image' | 'text'
  /** Weight type in memory; '': the file's. */
  dtype: string
  precision: 'default' | 'fast' | 'exact'
  /** Kernel level to force ('scalar', 'avx2', ..., 'portable'); '': the best. */
  kernels: string
  /** Threads to convert and pack the weights. Default 1. */
  threads?: number
  /** Most bytes of weights and of the sessions' scratch memory; 0: no limit. Default 0. */
  maxMemory?: number
  /** Paths of the backend modules to load before the device is chosen. Default: none. */
  modules?: string[]
}

/** Named intermediate states of one run: name -> [tokens, width] of the first input. */
export type NativeStates = Record<string, { data: Float32Array; tokens: number; width: number }>

/** By the matrix's name: sums of the squares of each input column, and the number of rows (tokens). */
export type NativeMoments = Record<string, { sums: Float32Array; rows: number }>

/** One operation of a graph. `wallMs` and `busyMs` have one value per run. */
export interface NativeNodeProfile {
  kind: 'linear' | 'linear+pack' | 'attention' | 'norm' | 'norm+pack' | 'pack' | 'embed' | 'gather' | 'repeat' | 'mean'
    | 'patches' | 'depthwise' | 'pool' | 'gate'
  /** Name of the weights; '' if there are none. */
  layer: string
  /** Type of the weights ('i8': bytes of precision 'fast'); 'f32' if there are none. */
  type: string
  nOut: number
  nIn: number
  /** Tokens. */
  rows: number
  /** A multiply-add counts as two; 0: it only moves and rounds values. */
  operations: number
  /** Time until the last thread was done. */
  wallMs: Float32Array
  /** Sum over all threads; the rest of wall time x threads they waited. */
  busyMs: Float32Array
}

export interface NativeProfile {
  /** In the graph's order; empty if plain ggml runs it. */
  nodes: NativeNodeProfile[]
  /** Time of each run, including inputs and outputs. */
  totalMs: Float32Array
  /** By weight type: peak operations per second of all threads together, measured after the runs. */
  peaks: Record<string, number>
}

/** A worker thread with its own scratch memory. One job at a time. */
export interface NativeSession {
  /** Embeddings, not normalised: [images.length, dim] flat. `background`: RGB under transparent pixels, or null. */
  encodeImages(images: NativeImage[], background: readonly [number, number, number] | null): NativeTask<Float32Array>
  /** `ids`: the sequences one after another; `lengths`: their lengths. Result [lengths.length, dim] flat. */
  encodeTexts(ids: Int32Array, lengths: Int32Array): NativeTask<Float32Array>
  /** Runs one input and keeps the states called `names` (see docs/architecture.md); none: all of them. */
  imageStates(image: NativeImage, names: string[]): NativeTask<NativeStates>
  textStates(ids: Int32Array, names: string[]): NativeTask<NativeStates>
  /** Sums of squares of each matrix's inputs, for one input; only for models loaded with kernels 'portable'. */
  imageMoments(image: NativeImage): NativeTask<NativeMoments>
  textMoments(ids: Int32Array): NativeTask<NativeMoments>
  /** Runs one batch of at most `maxBatch` inputs `runs` times and returns the time of each operation. */
  profileImages(images: NativeImage[], runs: number): NativeTask<NativeProfile>
  /** `texts` times the same ids. */
  profileTexts(ids: Int32Array, texts: number, runs: number): NativeTask<NativeProfile>
  /** Waits for the running job and ends the thread. Idempotent. */
  dispose(): Promise<void>
}

export interface NativeModel {
  info(): NativeModelInfo
  /** The data of the tokenizer, if the model file contains it. */
  tokenizer(): { json: string } | { tokens: string[]; merges?: string[] } | null
  createSession(threads: number, maxBatch: number): NativeSession
  /** Resizes, crops and normalises on a worker thread: [3, H, W]. */
  preprocess(pixels: NativePixels, background: readonly [number, number, number] | null): Promise<Float32Array>
  /** Releases the weights once the last session has ended. Idempotent. */
  dispose(): void
}

export interface NativeMatrix {
  data: Float32Array | Uint16Array | Int8Array
  /** 'f32' Float32Array, 'f16' Uint16Array of half-precision bits, 'int8' Int8Array */
  type: 'f32' | 'f16' | 'int8'
  rows: number
}

/** Rows of a search index, numbered from 0: those below `end` are in a file, later ones in `tail`. */
export interface NativeScan {
  /** Flat [n][dim]. */
  queries: Float32Array
  dim: number
  /** 'int8': each row's values are followed by its factor (f32). */
  type: 'f16' | 'int8'
  /** The first row to look at. */
  from: number
  end: number
  tail: Uint8Array
  /** The best rows of each query; 0: all with at least `minScore`. */
  k: number
  minScore: number
  /** By row: 0 is left out. Empty: none is. */
  mask: Uint8Array
  threads: number
}

/** Pairs of a query and a row: by query, then best first (`k` > 0) or by row. */
export interface NativeHits {
  queries: Uint32Array
  rows: Uint32Array
  scores: Float32Array
}

/** A file of rows that may grow while it is scanned. */
export interface NativeRows {
  scan(options: NativeScan): NativeTask<NativeHits>
  /** A scan that runs keeps the file open until it ends. Idempotent. */
  close(): void
}

/** A cancellable native call: `promise` rejects with ERR_CLIP_ABORTED after `abort()`. */
export interface NativeTask<T> {
  promise: Promise<T>
  abort(): void
}

export interface NativeConvertOptions extends NativeFolders {
  type: string
  policy: 'uniform' | 'mixed'
  /** Importance of each column of a matrix, by the matrix's name; null: all equal. */
  importance: Record<string, Float32Array> | null
  /** 0: the machine's number. */
  threads: number
  /** [glob of tensor names, type] pairs that override the policy; first match wins. */
  overrides: [string, string][]
  /** null: the source file's own. */
  tokenizer: { json: string; tokens: string[]; merges: string[]; padId: number } | null
  license: string
  source: string
  revision: string
  name: string
}

export interface NativeInspection {
  path: string
  format: 'gguf' | 'safetensors' | 'torch' | 'unknown'
  family: string
  loadable: boolean
  /** The towers that load, each without the other if need be. */
  towers: ('image' | 'text')[]
  files: string[]
  keys: { name: string; kind: string; value: string }[]
  tensors: { name: string; type: string; shape: number[]; bytes: number; file: string }[]
  /** Null: not loadable. */
  model: NativeHparams | null
  missing: string[]
  ignored: string[]
  problems: { code: string; message: string }[]
}

interface NativeConvertProgress {
  /** The tensor being written. */
  tensor: string
  tensorsDone: number
  tensors: number
  bytesDone: number
  bytes: number
}

export interface NativeConvertTask extends NativeTask<{ bytes: number; tensors: Record<string, number> }> {
  progress(): NativeConvertProgress
}

export interface NativeAddon {
  /**
   * ggml's version, the compiled kernel levels that this CPU supports, best first, and false for an x86-64 CPU without
   * SSE4.2 and POPCNT.
   */
  build(): { ggml: string; kernels: string[]; x86_64_v2: boolean }
  /** Every code the native side can raise. */
  errorCodes(): string[]
  loadModel(path: string, options: NativeLoadOptions): NativeTask<NativeModel>
  convert(input: string, output: string, options: NativeConvertOptions): NativeConvertTask
  /** Describes the file or folder at `path`; rejects only if it does not exist. */
  inspect(path: string, folders: NativeFolders): Promise<NativeInspection>
  /** For tests and tools: Pillow-equal resize of RGB bytes. */
  resize(
    pixels: NativePixels,
    width: number,
    height: number,
    filter: 'nearest' | 'bilinear' | 'bicubic',
  ): Promise<Uint8Array>
  /**
   * Releases the memory under `view` at once: the garbage collector does not know its real size until it inspects it.
   * The view is empty afterwards. Does nothing if the view covers only a part of its buffer.
   */
  detach(view: Uint8Array | Float32Array): void
  /** Ends the process with `status` after `ms`, without waiting for anything that still runs. */
  exitWithin(status: number, ms: number): void
  topK(
    queries: Float32Array,
    matrix: NativeMatrix,
    dim: number,
    k: number,
    threads: number,
  ): NativeTask<{ indices: Uint32Array; scores: Float32Array }>
  similarityMatrix(a: Float32Array, b: NativeMatrix, dim: number, threads: number): NativeTask<Float32Array>
  openRows(path: string): NativeTask<NativeRows>
  /** Rows in memory only: `end` is 0. */
  scanRows(options: NativeScan): NativeTask<NativeHits>
}
