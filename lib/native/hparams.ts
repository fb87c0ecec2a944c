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

export interface NativeVisionHparams extends NativeTowerHparams {
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

export interface NativeTextHparams extends NativeTowerHparams {
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
