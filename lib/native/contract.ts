/**
 * The addon's whole contract, typed. Nothing else describes the native side to TypeScript.
 * Arguments are checked for meaning before they get here; the addon checks them again for memory safety.
 */

/** Decoded 8-bit pixels, row-major, `channels` interleaved bytes each (1 grey, 3 RGB, 4 RGBA not premultiplied). */
export interface NativePixels {
  data: Uint8Array
  width: number
  height: number
  channels: 1 | 3 | 4
}

/** One image of a batch: pixels to be resized and normalised natively, or a ready [3, H, W] tensor. */
export type NativeImage = NativePixels | { tensor: Float32Array; width?: number; height?: number }

/** Hyper-parameters of a tower: what cpp/engine/hparams-fields.h lists. */
interface NativeTowerHparams {
  /** Values of a token between the blocks. */
  width: number
  /** Blocks. */
  layers: number
  /** Of the block with most of them, where blocks were pruned; as is `mlpWidth`. */
  heads: number
  /** Values of one attention head. */
  headDim: number
  /** Values inside an MLP. */
  mlpWidth: number
  /** Of the MLPs. */
  activation: 'quick_gelu' | 'gelu' | 'gelu_tanh'
  /** What becomes of the last block's tokens: one of them (class, end of text, last), attention, or their mean. */
  pooling: 'cls' | 'eot' | 'last' | 'attention' | 'mean'
  /** Epsilon of the layer norms. */
  normEpsilon: number
  /** A block's norms stand before attention and MLP (CLIP), or after each sum (BERT). */
  normOrder: 'pre' | 'post'
  /** Whether a norm stands before the first block. */
  firstNorm: boolean
  /** Whether a norm follows the last block. */
  lastNorm: boolean
  /** Whether the last norm is of the pooled token; else of every token. */
  normAfterPooling: boolean
  /** Whether queries, keys and values add a bias. */
  qkvBias: boolean
  /** Whether a block's two outputs are multiplied by learned factors before the sums. */
  layerScale: boolean
  /** Whether a projection follows the pooled state; without one, that is the embedding. */
  projection: boolean
  /** Whether the projection adds a bias. */
  projectionBias: boolean
  /** Values of the projection's hidden layer; 0: it is one matrix. */
  projectionHidden: number
}

interface NativeVisionHparams extends NativeTowerHparams {
  /** Pixels of each side of the square that the encoder sees. */
  imageSize: number
  /** Pixels of each side of a patch. */
  patchSize: number
  /** Colours of a pixel. */
  channels: number
  /** Whether a class token stands before the patches. */
  classToken: boolean
  /** Whether the patch embedding adds a bias. */
  patchBias: boolean
  /** Pictures keep their proportions: whole patches, at most `maxPatches` of them (SigLIP2 NaFlex). */
  anyGrid: boolean
  /** Most patches of a picture, with `anyGrid`; else 0. */
  maxPatches: number
  /** Subtracted from each channel, of values from 0 to 1. */
  mean: [number, number, number]
  /** Each channel is divided by it. */
  std: [number, number, number]
  /** How a picture gets its size: the shorter edge fits and the rest is cut off, squashed, the longer edge fits with a border, or whole patches. */
  resizeMode: 'shortest' | 'squash' | 'longest' | 'patches'
  /** Pixels of the edge that is fitted, before the rest is cut off. */
  resizeSize: number
  /** Filter of the resizing, as Pillow computes it. */
  interpolation: 'nearest' | 'bilinear' | 'bicubic'
  /** Where half a pixel goes when the rest is cut off: as transformers or as open_clip. */
  cropRounding: 'floor' | 'half_even'
  /** Red, green and blue of the border. */
  fillColor: [number, number, number]
  /** Red, green and blue under transparent pixels. */
  backgroundColor: [number, number, number]
}

interface NativeTextHparams extends NativeTowerHparams {
  /** Token ids go from 0 to one less. */
  vocabSize: number
  /** Tokens of a text, start and end included. */
  contextLength: number
  /** Rows of the position table; 0: as many as `contextLength`. */
  positions: number
  /** Row of the first token's position. */
  positionOffset: number
  /** Rows of the token type table; 0: none. */
  tokenTypes: number
  /** Tokens see only those before them. */
  causal: boolean
  /** The result depends on the padding: texts run at their padded length. */
  seesPadding: boolean
  /** Id of the first token; -1: none. A loaded model's ids are its tokenizer's. */
  bosId: number
  /** Id of the last token; -1: none. */
  eosId: number
  /** Id of the token that fills a row; -1: none. */
  padId: number
  /** What happens to a text before it is cut into tokens. */
  cleaning: 'whitespace_lower' | 'open_clip' | 'canonicalize' | 'none' | 'repair' | 'repair_lower' | 'lower'
    | 'repair_canonicalize'
}

export interface NativeHparams {
  /** The file's name for it; '' where it has none. */
  name: string
  /** Of the checkpoint: 'clip', 'siglip', ... */
  family: string
  /** As the file says; '' where it says nothing. */
  license: string
  /** Where the weights come from, such as a hub id; '' where nothing says so. */
  source: string
  /** Commit or version of the source; '' where nothing says so. */
  revision: string
  /** Values of an embedding. */
  dim: number
  /** Natural logarithm of the factor. */
  logitScale: number
  /** Added to each logit; 0 for models trained with a softmax loss. */
  logitBias: number
  /** Trained with a sigmoid loss: pairs have probabilities of their own. */
  sigmoid: boolean
  /** The image encoder; null where there is none, or none that loads. */
  vision: NativeVisionHparams | null
  /** The text encoder; null where there is none, or none that loads. */
  text: NativeTextHparams | null
}

export interface NativeModelInfo extends NativeHparams {
  /** What was loaded. */
  path: string
  /** Of the weights' file. */
  format: 'gguf' | 'safetensors' | 'torch'
  /** That computes: 'cpu', or a GPU's kind. */
  device: string
  /** Kernel level of the CPU path, e.g. 'avx2'; 'portable' when plain ggml operations run. */
  kernels: string
  /** Number of tensors and bytes by weight type, as held in memory. */
  types: Record<string, { tensors: number; bytes: number }>
  /** Of all weights, as held in memory. */
  bytes: number
  /** The image encoder; null where it is not loaded. */
  vision: (NativeVisionHparams & {
    /** Bytes of this tower's weights as held in memory. */
    bytes: number
    /** Of a picture of the table's own grid. */
    tokens: number
  }) | null
  /** The text encoder; null where it is not loaded. */
  text: (NativeTextHparams & {
    /** Bytes of this tower's weights as held in memory. */
    bytes: number
  }) | null
}

/** Folders of files that are not beside the weights; '' where they are. */
export interface NativeFolders {
  tokenizerFolder: string
  processorFolder: string
}

interface NativeLoadOptions extends Partial<NativeFolders> {
  device: 'auto' | 'cpu' | 'cuda' | 'metal' | 'vulkan'
  towers: 'both' | 'image' | 'text'
  /** Weight type in memory; '' keeps the file's. */
  dtype: string
  precision: 'default' | 'fast' | 'exact'
  /** Kernel level to force ('scalar', 'avx2', ..., 'portable'); '' for the best. */
  kernels: string
  /** That convert and pack the weights. Default 1. */
  threads?: number
}

/** Named intermediate states of one run: name -> [tokens, width] of the first input. */
export type NativeStates = Record<string, { data: Float32Array; tokens: number; width: number }>

/** By the matrix's name: sums of the squares of each column of its input, and over how many rows (tokens). */
export type NativeMoments = Record<string, { sums: Float32Array; rows: number }>

/** One operation of a graph. `wallMs` and `busyMs` have a value for each run. */
export interface NativeNodeProfile {
  kind: 'linear' | 'linear+pack' | 'attention' | 'norm' | 'norm+pack' | 'pack' | 'embed' | 'gather' | 'repeat' | 'mean'
  /** Name of the weights; '' where there are none. */
  layer: string
  /** Of the weights ('i8': bytes of precision 'fast'); 'f32' where there are none. */
  type: string
  nOut: number
  nIn: number
  /** Tokens. */
  rows: number
  /** A multiply-add counts as two; 0: it moves and rounds values only. */
  operations: number
  /** Until the last thread was done. */
  wallMs: Float32Array
  /** Of all threads together; the rest of wall time x threads they waited. */
  busyMs: Float32Array
}

export interface NativeProfile {
  /** In the graph's order; empty where plain ggml runs it. */
  nodes: NativeNodeProfile[]
  /** Of each run, with inputs and outputs. */
  totalMs: Float32Array
  /** By weight type: operations a second that all threads together can do on this machine, measured after the runs. */
  peaks: Record<string, number>
}

/** A worker thread with its own scratch memory. One job at a time. */
export interface NativeSession {
  /** Embeddings, not normalised: [images.length, dim] flat. `background`: RGB under transparent pixels, or null. */
  encodeImages(images: NativeImage[], background: readonly [number, number, number] | null): NativeTask<Float32Array>
  /** `ids`: the sequences one after another; `lengths`: their lengths. Result [lengths.length, dim] flat. */
  encodeTexts(ids: Int32Array, lengths: Int32Array): NativeTask<Float32Array>
  /** Runs one input and keeps the states called `names` (see docs/architecture.md); no name: all of them. */
  imageStates(image: NativeImage, names: string[]): NativeTask<NativeStates>
  textStates(ids: Int32Array, names: string[]): NativeTask<NativeStates>
  /** Sums of squares of what each matrix multiplies, for one input; of models loaded with kernels 'portable' only. */
  imageMoments(image: NativeImage): NativeTask<NativeMoments>
  textMoments(ids: Int32Array): NativeTask<NativeMoments>
  /** Runs one batch of at most `maxBatch` inputs `runs` times and tells what each operation took. */
  profileImages(images: NativeImage[], runs: number): NativeTask<NativeProfile>
  /** `texts` times the same ids. */
  profileTexts(ids: Int32Array, texts: number, runs: number): NativeTask<NativeProfile>
  /** Waits for the running job and ends the thread. Idempotent. */
  dispose(): Promise<void>
}

export interface NativeModel {
  info(): NativeModelInfo
  /** What the tokenizer is made from, when the model file carries it. */
  tokenizer(): { json: string } | { tokens: string[]; merges?: string[] } | null
  createSession(threads: number, maxBatch: number): NativeSession
  /** Resizes, crops and normalises on a worker thread: [3, H, W]. */
  preprocess(pixels: NativePixels, background: readonly [number, number, number] | null): Promise<Float32Array>
  /** Gives the weights back once the last session is gone. Idempotent. */
  dispose(): void
}

export interface NativeMatrix {
  data: Float32Array | Uint16Array | Int8Array
  /** 'f32' Float32Array, 'f16' Uint16Array of half-precision bits, 'int8' Int8Array */
  type: 'f32' | 'f16' | 'int8'
  rows: number
}

/** A cancellable native call: `promise` rejects with ERR_CLIP_ABORTED after `abort()`. */
export interface NativeTask<T> {
  promise: Promise<T>
  abort(): void
}

export interface NativeConvertOptions extends NativeFolders {
  type: string
  policy: 'uniform' | 'mixed'
  /** How much each column of a matrix matters, by the matrix's name; null: all alike. */
  importance: Record<string, Float32Array> | null
  /** 0: the machine's. */
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
  /** That load, each without the other if need be. */
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
  /** ggml's version, compiled-in kernel levels usable here, best one first, and devices found. */
  build(): { ggml: string; kernels: string[]; devices: { name: string; kind: string; description: string }[] }
  /** Every code the native side can raise. */
  errorCodes(): string[]
  loadModel(path: string, options: NativeLoadOptions): NativeTask<NativeModel>
  convert(input: string, output: string, options: NativeConvertOptions): NativeConvertTask
  /** What is at `path`, as far as it can be told; rejects only when there is nothing. */
  inspect(path: string, folders: NativeFolders): Promise<NativeInspection>
  /** For tests and tools: Pillow-equal resize of RGB bytes. */
  resize(
    pixels: NativePixels,
    width: number,
    height: number,
    filter: 'nearest' | 'bilinear' | 'bicubic',
  ): Promise<Uint8Array>
  /**
   * Gives the memory under `view` back at once: the garbage collector knows nothing of what it weighs until it looks for
   * it. The view is empty from then on. Does nothing when it covers only a part of its buffer.
   */
  detach(view: Uint8Array | Float32Array): void
  /** Ends the process with `status` after `ms`, whatever runs then and without waiting for any of it. */
  exitWithin(status: number, ms: number): void
  topK(
    queries: Float32Array,
    matrix: NativeMatrix,
    dim: number,
    k: number,
    threads: number,
  ): NativeTask<{ indices: Uint32Array; scores: Float32Array }>
  similarityMatrix(a: Float32Array, b: NativeMatrix, dim: number, threads: number): NativeTask<Float32Array>
}
