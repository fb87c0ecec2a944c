/**
 * The complete type of the addon; nothing else describes the native side to TypeScript. Arguments are checked for
 * meaning before they get here; the addon checks them again for memory safety.
 */

/** Decoded 8-bit pixels, row-major, `channels` interleaved bytes each (1 grey, 3 RGB, 4 RGBA not premultiplied). */
export interface NativePixels {
  data: Uint8Array
  width: number
  height: number
  channels: 1 | 3 | 4
}

/** One image of a batch: pixels to resize and normalise natively, or a prepared [3, H, W] tensor. */
export type NativeImage = NativePixels | { tensor: Float32Array; width?: number; height?: number }

/** Hyper-parameters of a tower, as listed in cpp/engine/hparams-fields.h. */
interface NativeTowerHparams {
  /** Values per token between the blocks. */
  width: number
  /** Blocks. */
  layers: number
  /** Heads of the block with most of them, if blocks were pruned; likewise `mlpWidth`. */
  heads: number
  /** Values per attention head. */
  headDim: number
  /** Values inside an MLP. */
  mlpWidth: number
  /** Activation of the MLPs. */
  activation: 'quick_gelu' | 'gelu' | 'gelu_tanh' | 'silu' | 'relu'
  /**
   * How the last block's tokens are pooled: one of them (class, end of text, last), attention of a learned query, their
   * mean, or attention of that mean (ResNets). 'none': an image encoder without its head, which has states
   * ({@link Clip.hiddenStates}) but no embedding.
   */
  pooling: 'cls' | 'eot' | 'last' | 'attention' | 'mean' | 'mean_query' | 'none'
  /** Epsilon of the norms. */
  normEpsilon: number
  /** Whether a block's norms precede attention and MLP (CLIP), follow each sum (BERT), or precede the sums (EVA E/14). */
  normOrder: 'pre' | 'post' | 'branch'
  /** Layer norms, or root mean square norms, which subtract no mean and add no bias. */
  norm: 'layer' | 'rms'
  /** Whether a norm stands before the first block. */
  firstNorm: boolean
  /** Whether a norm follows the last block. */
  lastNorm: boolean
  /** Whether the last norm applies to the pooled token; else to every token. */
  normAfterPooling: boolean
  /** Whether queries, keys and values add a bias. */
  qkvBias: boolean
  /** Whether keys add a bias, too. */
  keyBias: boolean
  /** Whether the attention's output adds a bias. */
  attentionOutputBias: boolean
  /** Whether the MLPs' matrices add biases. */
  mlpBias: boolean
  /** Whether those before the activation do, too. */
  mlpFirstBias: boolean
  /** Whether the MLPs are gated: the activation of one matrix times another (SwiGLU). */
  mlpGate: boolean
  /** Whether a norm stands inside the MLPs (EVA02). */
  mlpNorm: boolean
  /** Whether the MLPs have a norm of their own before their matrices, after the block's (ViTamin). */
  mlpInputNorm: boolean
  /** Whether a norm stands between attention and its output matrix (EVA02). */
  attentionNorm: boolean
  /** Whether each head's queries and keys are normed. */
  queryKeyNorm: boolean
  /** Whether the attention's scores are divided by the square root of a head's width. */
  scaledScores: boolean
  /** Whether a table of positions is added to the tokens. */
  positionTable: boolean
  /** Rotary positions: which values of a head are turned together, neighbours or those of its two halves. */
  rotary: 'none' | 'neighbours' | 'halves'
  /** Base of the rotary angles. */
  rotaryBase: number
  /** Whether a block's two outputs are multiplied by learned factors before the sums. */
  layerScale: boolean
  /** Whether a projection follows the pooled state; without one, that state is the embedding. */
  projection: boolean
  /**
   * The encoder was saved without its projection (the text encoders of Stable Diffusion, `CLIPVisionModel`): `encodeText`
   * or `encodeImage` gives transformers' `pooler_output`, which no other encoder's vectors can be compared with.
   */
  pooledOutput: boolean
  /** Whether the projection adds a bias. */
  projectionBias: boolean
  /** Values of the projection's hidden layer; 0: the projection is one matrix. */
  projectionHidden: number
  /** What is applied to the values of that layer. */
  projectionActivation: 'none' | 'quick_gelu' | 'gelu' | 'gelu_tanh' | 'silu' | 'relu' | 'tanh'
  /** Whether that layer adds a bias. */
  projectionHiddenBias: boolean
}

interface NativeVisionHparams extends NativeTowerHparams {
  /** Pixels per side of the square that the encoder sees. */
  imageSize: number
  /** Pixels per side of a patch. */
  patchSize: number
  /** Colours per pixel. */
  channels: number
  /** Whether a class token precedes the patches. */
  classToken: boolean
  /** Learned tokens between the class token and the patches. */
  registers: number
  /** Whether the patch embedding adds a bias. */
  patchBias: boolean
  /** Convolutional layers, as a stem or as the whole tower (`layers` is then 0); 0: patches are multiplied by a matrix. */
  convLayers: number
  /** Whether the patches are normed before positions are added. */
  patchNorm: boolean
  /** Whether the position table has a row for the class token. */
  classPosition: boolean
  /** Patches a side that rotary coordinates are scaled to; 0: not scaled. */
  rotaryGrid: number
  /** Added to rotary coordinates. */
  rotaryOffset: number
  /** Whether the first half of the rotary angles is the column's; else the row's. */
  rotaryColumnFirst: boolean
  /** Rotary coordinates: rows and columns, or places of the patches' centres between -1 and 1. */
  rotaryCoordinates: 'index' | 'centered'
  /** Values of the attention pooling's query and result; 0: as wide as the tokens. */
  poolingWidth: number
  /** Whether the attention pooling's query and the tokens are normed before it (CoCa). */
  poolingNorm: boolean
  /** Heads of the attention pooling; 0: as many as the blocks. */
  poolingHeads: number
  /** Values inside the attention pooling's MLP; 0: as many as inside the blocks'. */
  poolingMlpWidth: number
  /** Whether the attention pooling has a matrix for its query. */
  poolingQuery: boolean
  /** Whether the attention pooling's queries, keys and values add biases. */
  poolingBias: boolean
  /** Whether the attention pooling has an MLP. */
  poolingMlp: boolean
  /** Whether images may have any number of whole patches a side; the positions are resized to each. */
  anyGrid: boolean
  /** How the position table is resized, with `anyGrid`. */
  positionFilter: 'bilinear_antialias' | 'bicubic_antialias' | 'bicubic'
  /** Most patches of an image, with the resize mode `patches` (SigLIP2 NaFlex); else 0. */
  maxPatches: number
  /** Subtracted from each channel, of values from 0 to 1. */
  mean: [number, number, number]
  /** Divisor of each channel. */
  std: [number, number, number]
  /**
   * How an image is resized: shortest edge fits and the rest is cropped, squashed, longest edge fits with a border,
   * whole patches, or not at all: the model takes tensors only (OWLv2).
   */
  resizeMode: 'shortest' | 'squash' | 'longest' | 'patches' | 'none'
  /** Pixels of the edge that fits, before cropping. */
  resizeSize: number
  /** Pixels per side of the square that remains. */
  cropSize: number
  /** Filter of the resizing, as in Pillow. */
  interpolation: 'nearest' | 'bilinear' | 'bicubic'
  /** Rounding of half pixels when cropping: as in transformers or in open_clip. */
  cropRounding: 'floor' | 'half_even'
  /** Red, green and blue of the border. */
  fillColor: [number, number, number]
  /** Red, green and blue under transparent pixels. */
  backgroundColor: [number, number, number]
}

interface NativeTextHparams extends NativeTowerHparams {
  /** Whether a learned token follows the text, and becomes its embedding (CoCa). */
  classToken: boolean
  /** Token ids are below this. */
  vocabSize: number
  /** Tokens of a text, start and end included. */
  contextLength: number
  /** Rows of the position table; 0: as many as `contextLength`. */
  positions: number
  /** Row of the first token's position. */
  positionOffset: number
  /** Factor of the token vectors, before positions are added. */
  embeddingScale: number
  /** Rows of the token type table; 0: none. */
  tokenTypes: number
  /** Tokens see only earlier ones. */
  causal: boolean
  /**
   * ALiBi: what the last head subtracts from a score for each token of distance is 2 to minus this, the heads before it
   * more. 0: nothing is subtracted.
   */
  alibiMaxBias: number
  /** Values of each head that are added to scores by the distance of two tokens (mT5); 0: none. */
  positionBuckets: number
  /** The distance from which on the last of these values is added. */
  positionBucketDistance: number
  /** Tokens under the kernels of the two mixers around the blocks (MobileCLIP S0); 0: there are none. */
  mixerKernel: number
  /** Values inside the mixers' MLPs. */
  mixerMlpWidth: number
  /** Whether the result depends on the padding: texts then run at their padded length. */
  seesPadding: boolean
  /** Id of the first token; -1: none. A loaded model has its tokenizer's ids. */
  bosId: number
  /** Id of the last token; -1: none. */
  eosId: number
  /** Id of the padding token; -1: none. */
  padId: number
  /** How a text is cleaned before it is tokenised. */
  cleaning: 'whitespace_lower' | 'open_clip' | 'canonicalize' | 'none' | 'repair' | 'repair_lower' | 'lower'
    | 'repair_canonicalize'
}

export interface NativeHparams {
  /** The model's name in the file; '' if it has none. */
  name: string
  /** Family of the checkpoint: 'clip', 'siglip', ... */
  family: string
  /** As in the file; '' if it says nothing. */
  license: string
  /** Origin of the weights, such as a hub id; '' if unknown. */
  source: string
  /** Commit or version of the source; '' if unknown. */
  revision: string
  /** Values per embedding. */
  dim: number
  /** Natural logarithm of the factor. */
  logitScale: number
  /** Added to each logit; 0 for models trained with a softmax loss. */
  logitBias: number
  /** Trained with a sigmoid loss: each pair has its own probability. */
  sigmoid: boolean
  /** The image encoder; null if there is none, or it does not load. */
  vision: NativeVisionHparams | null
  /** The text encoder; null if there is none, or it does not load. */
  text: NativeTextHparams | null
}

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
  /** The device in use: 'cpu', or a GPU's kind. */
  device: string
  /** The devices found when the model was loaded; `device` is the name of the one in use. */
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
