/**
 * The models with a short name. Only published checkpoints in a layout that ggclip loads, and only facts that their
 * authors published or that follow from their configuration: unknown fields are absent.
 */
import type { WeightType } from '../types.js'

/** What people look for a model for: see {@link ModelEntry.tasks}. */
export type ModelTask = 'best' | 'small' | 'multilingual' | 'dedupe'

/** One of {@link models}. */
export interface ModelEntry {
  /** Name for `Clip.load`, `pull` and `--model`. */
  name: string
  /** Repository on the hub, `owner/name`. */
  id: string
  /** Other repositories with the same weights, in their authors' own layout. */
  copies?: readonly string[]
  /** Branch, tag or commit; absent: the hub's default branch. */
  revision?: string
  /** The kind of encoders. */
  family: ModelFamily
  /** Set for models that have one encoder only. */
  towers?: 'image' | 'text'
  /** Parameters of both encoders, from the model's hyper-parameters. */
  parameters: number
  /**
   * Size of the weights in float32, about the download size; half of it for repositories that publish half precision.
   */
  bytes: number
  /**
   * SPDX identifier; `other` for the authors' own terms; absent if they state none. Read the model's page before you
   * rely on it.
   */
  license?: string
  /** Limits of that licence that a user should know before the download; the command line prints them. */
  terms?: string
  /** Length of the embedding. */
  dim: number
  /** Pixels per side of its square images; absent: images keep their aspect ratio. */
  imageSize?: number
  /** Tokens of a text, start and end included; 0: it has no text encoder. */
  contextLength: number
  /** Zero-shot accuracy on ImageNet-1k in per cent (first guess), as published. */
  imagenet?: number
  /** Its purpose, in a few words. */
  goodFor: string
  /**
   * The tasks that it is a first choice for: `best` quality, `small` machines and fast answers, `multilingual` texts,
   * `dedupe`: finding pictures that are nearly the same.
   */
  tasks?: readonly ModelTask[]
  /** The smallest weight type that is a safe choice on a CPU; measure smaller ones first. On a GPU f16 is one. */
  dtype: WeightType
}

/** The kinds of encoders in the registry. */
export type ModelFamily = 'clip' | 'siglip' | 'chinese-clip' | 'jina-clip' | 'dinov2' | 'dinov3' | 'tips'

type Shared = Pick<ModelEntry, 'family' | 'license' | 'terms' | 'towers' | 'contextLength' | 'dtype'>

const openai: Shared = { family: 'clip', license: 'MIT', contextLength: 77, dtype: 'q8_0' }
const tips: Shared = { family: 'tips', license: 'Apache-2.0', contextLength: 64, dtype: 'q8_0' }
const laion: Shared = { family: 'clip', license: 'MIT', contextLength: 77, dtype: 'q8_0' }
const meta: Shared = { family: 'clip', license: 'CC-BY-NC-4.0', contextLength: 77, dtype: 'q8_0' }
const apple: Shared = { family: 'clip', license: 'other', contextLength: 77, dtype: 'q8_0' }
const chinese: Shared = { family: 'chinese-clip', contextLength: 52, dtype: 'q8_0' }
const tiny: Shared = { family: 'clip', license: 'MIT', contextLength: 77, dtype: 'q8_0' }
const mobile: Shared = {
  ...apple,
  terms: 'the licence of its weights (Apple Machine Learning Research Model) allows research only',
}
const vitamin: Shared = { family: 'clip', license: 'MIT', contextLength: 77, dtype: 'q8_0' }
const nllb: Shared = {
  family: 'clip',
  license: 'CC-BY-NC-4.0',
  terms: 'the licence of its weights (CC BY-NC 4.0) allows no commercial use',
  contextLength: 77,
  dtype: 'q8_0',
}
const eva: Shared = { family: 'clip', license: 'MIT', contextLength: 77, dtype: 'q8_0' }
const perception: Shared = { family: 'clip', license: 'Apache-2.0', contextLength: 32, dtype: 'q8_0' }
const jina: Shared = { family: 'jina-clip', license: 'Apache-2.0', contextLength: 8192, dtype: 'q8_0' }
const dino: Shared = { family: 'dinov2', towers: 'image', license: 'Apache-2.0', contextLength: 0, dtype: 'q8_0' }
const dino3: Shared = {
  ...dino,
  family: 'dinov3',
  license: 'other',
  terms: "Meta's DINOv3 licence must be accepted on the model's page first; HF_TOKEN then gives access",
}
const siglip: Shared = { family: 'siglip', license: 'Apache-2.0', contextLength: 64, dtype: 'q8_0' }

/**
 * The models with a short name, as {@link Clip.load} and {@link pull} accept it and `ggclip models` lists it.
 *
 * @example
 * const small = models.filter(({ parameters, license }) => parameters < 160e6 && license === 'MIT')
 * console.log(small.some(({ name }) => name === 'clip-vit-b-32')) // true
 */
// dprint-ignore: a table, one model per line
export const models: readonly Readonly<ModelEntry>[] = Object.freeze([
  // OpenAI
  { ...openai, name: 'clip-vit-b-32', id: 'openai/clip-vit-base-patch32', parameters: 151_277_313, dim: 512, imageSize: 224, imagenet: 63.2, goodFor: 'the classic: fast, known to every tool, thresholds of others apply' },
  { ...openai, name: 'clip-vit-b-16', id: 'openai/clip-vit-base-patch16', parameters: 149_620_737, dim: 512, imageSize: 224, imagenet: 68.3, goodFor: 'finer detail than b-32 at about four times its work' },
  { ...openai, name: 'clip-vit-l-14', id: 'openai/clip-vit-large-patch14', parameters: 427_616_513, dim: 768, imageSize: 224, imagenet: 75.5, goodFor: 'text conditioning of diffusion models, aesthetics scores, retrieval' },
  { ...openai, name: 'clip-vit-l-14-336', id: 'openai/clip-vit-large-patch14-336', parameters: 427_944_193, dim: 768, imageSize: 336, goodFor: 'small things and text in pictures; vision part of many vision-language models' },
  // LAION-2B
  { ...laion, name: 'laion-vit-b-32', id: 'laion/CLIP-ViT-B-32-laion2B-s34B-b79K', parameters: 151_277_313, dim: 512, imageSize: 224, imagenet: 66.6, goodFor: 'fast photo search, better than clip-vit-b-32' },
  { ...laion, name: 'laion-vit-b-16', id: 'laion/CLIP-ViT-B-16-laion2B-s34B-b88K', parameters: 149_620_737, dim: 512, imageSize: 224, goodFor: 'photo search with finer detail' },
  { ...laion, name: 'laion-vit-l-14', id: 'laion/CLIP-ViT-L-14-laion2B-s32B-b82K', parameters: 427_616_513, dim: 768, imageSize: 224, imagenet: 75.3, goodFor: 'retrieval on web pictures' },
  { ...laion, name: 'laion-vit-h-14', id: 'laion/CLIP-ViT-H-14-laion2B-s32B-b79K', parameters: 986_109_441, dim: 1024, imageSize: 224, imagenet: 78.0, goodFor: 'high quality retrieval; text conditioning of Stable Diffusion 2' },
  { ...laion, name: 'laion-vit-g-14', id: 'laion/CLIP-ViT-g-14-laion2B-s34B-b88K', parameters: 1_366_678_273, dim: 1024, imageSize: 224, goodFor: 'high quality retrieval' },
  { ...laion, name: 'laion-vit-bigg-14', id: 'laion/CLIP-ViT-bigG-14-laion2B-39B-b160k', parameters: 2_539_567_105, dim: 1280, imageSize: 224, imagenet: 80.1, goodFor: 'text conditioning of Stable Diffusion XL' },
  // DataComp-1B
  { ...laion, name: 'datacomp-vit-b-32', id: 'laion/CLIP-ViT-B-32-DataComp.XL-s13B-b90K', parameters: 151_277_313, dim: 512, imageSize: 224, goodFor: 'fast photo search, the best of its size' },
  { ...laion, name: 'datacomp-vit-b-32-256', tasks: ['small'], id: 'laion/CLIP-ViT-B-32-256x256-DataComp-s34B-b86K', parameters: 151_288_833, dim: 512, imageSize: 256, imagenet: 72.8, goodFor: 'photo search on a CPU: the best for its speed' },
  { ...laion, name: 'datacomp-vit-b-16', id: 'laion/CLIP-ViT-B-16-DataComp.XL-s13B-b90K', parameters: 149_620_737, dim: 512, imageSize: 224, imagenet: 73.5, goodFor: 'photo search with finer detail' },
  { ...laion, name: 'datacomp-vit-l-14', id: 'laion/CLIP-ViT-L-14-DataComp.XL-s13B-b90K', parameters: 427_616_513, dim: 768, imageSize: 224, imagenet: 79.2, goodFor: 'zero-shot classification and retrieval of high quality' },
  { ...laion, contextLength: 76, name: 'coca-vit-b-32', id: 'laion/CoCa-ViT-B-32-laion2B-s13B-b90k', parameters: 152_592_641, dim: 512, imageSize: 224, goodFor: 'CoCa for retrieval; the file also holds its decoder, which is not read' },
  { ...laion, contextLength: 76, name: 'coca-vit-l-14', id: 'laion/CoCa-ViT-L-14-laion2B-s13B-b90k', parameters: 430_375_937, dim: 768, imageSize: 224, goodFor: 'CoCa for retrieval; the file also holds its decoder, which is not read' },
  // Apple's data filtering networks
  { ...apple, name: 'dfn2b-vit-b-16', id: 'apple/DFN2B-CLIP-ViT-B-16', parameters: 149_620_737, dim: 512, imageSize: 224, goodFor: 'zero-shot classification, the best b-16 here' },
  { ...apple, name: 'dfn2b-vit-l-14', id: 'apple/DFN2B-CLIP-ViT-L-14', parameters: 427_616_513, dim: 768, imageSize: 224, goodFor: 'zero-shot classification of high quality' },
  { ...apple, name: 'dfn5b-vit-h-14', id: 'apple/DFN5B-CLIP-ViT-H-14', parameters: 986_109_441, dim: 1024, imageSize: 224, imagenet: 83.4, goodFor: 'zero-shot classification of very high quality' },
  { ...apple, name: 'dfn5b-vit-h-14-378', tasks: ['best'], id: 'apple/DFN5B-CLIP-ViT-H-14-378', parameters: 986_714_881, dim: 1024, imageSize: 378, imagenet: 84.4, goodFor: 'zero-shot classification of the highest quality' },
  // MetaCLIP
  { ...meta, name: 'metaclip-vit-b-32', id: 'facebook/metaclip-b32-fullcc2.5b', parameters: 151_277_313, dim: 512, imageSize: 224, goodFor: 'research: openly documented training data' },
  { ...meta, name: 'metaclip-vit-b-16', id: 'facebook/metaclip-b16-fullcc2.5b', parameters: 149_620_737, dim: 512, imageSize: 224, goodFor: 'research: openly documented training data' },
  { ...meta, name: 'metaclip-vit-l-14', id: 'facebook/metaclip-l14-fullcc2.5b', parameters: 427_616_513, dim: 768, imageSize: 224, goodFor: 'research: openly documented training data' },
  { ...meta, name: 'metaclip-vit-h-14', id: 'facebook/metaclip-h14-fullcc2.5b', parameters: 986_109_441, dim: 1024, imageSize: 224, goodFor: 'research: openly documented training data' },
  // TinyCLIP
  { ...tiny, name: 'tinyclip-8m', tasks: ['small'], id: 'wkcn/TinyCLIP-ViT-8M-16-Text-3M-YFCC15M', parameters: 23_446_017, dim: 512, imageSize: 224, goodFor: 'the smallest: filters and devices with little memory' },
  { ...tiny, name: 'tinyclip-39m', tasks: ['small'], id: 'wkcn/TinyCLIP-ViT-39M-16-Text-19M-YFCC15M', parameters: 83_101_185, dim: 512, imageSize: 224, goodFor: 'half the size of b-16' },
  { ...tiny, name: 'tinyclip-40m', id: 'wkcn/TinyCLIP-ViT-40M-32-Text-19M-LAION400M', parameters: 84_205_569, dim: 512, imageSize: 224, goodFor: 'half the size of b-32, fast' },
  { ...tiny, name: 'tinyclip-61m', id: 'wkcn/TinyCLIP-ViT-61M-32-Text-29M-LAION400M', parameters: 115_382_145, dim: 512, imageSize: 224, goodFor: 'close to b-32 with three quarters of its size' },
  // other languages
  { ...laion, name: 'laion-xlm-roberta-b-32', tasks: ['multilingual'], id: 'laion/CLIP-ViT-B-32-xlm-roberta-base-laion5B-s13B-b90k', parameters: 366_121_473, dim: 512, imageSize: 224, goodFor: 'texts in about a hundred languages, fast picture side' },
  { ...nllb, name: 'nllb-clip-base-siglip', id: 'visheratin/nllb-clip-base-siglip', parameters: 507_474_178, dim: 768, imageSize: 384, goodFor: 'texts in 200 languages, each named by its code (language)' },
  { ...nllb, name: 'nllb-clip-large-siglip', tasks: ['multilingual'], id: 'visheratin/nllb-clip-large-siglip', parameters: 1_195_496_514, dim: 1152, imageSize: 384, goodFor: 'texts in 200 languages, rare ones too: the best retrieval for many of them' },
  { ...nllb, name: 'nllb-siglip-mrl-base', id: 'visheratin/nllb-siglip-mrl-base', parameters: 507_474_178, dim: 768, imageSize: 384, goodFor: 'as nllb-clip-base-siglip; its vectors may be cut to 32 to 512 values' },
  { ...nllb, name: 'nllb-siglip-mrl-large', id: 'visheratin/nllb-siglip-mrl-large', parameters: 1_195_496_514, dim: 1152, imageSize: 384, goodFor: 'as nllb-clip-large-siglip; its vectors may be cut to 32 to 512 values' },
  { ...laion, license: 'other', name: 'altclip-l-14', id: 'BAAI/AltCLIP', parameters: 864_186_113, dim: 768, imageSize: 224, goodFor: 'English and Chinese texts in one model' },
  { ...chinese, name: 'chinese-clip-b-16', id: 'OFA-Sys/chinese-clip-vit-base-patch16', parameters: 188_262_913, dim: 512, imageSize: 224, goodFor: 'Chinese texts' },
  { ...chinese, name: 'chinese-clip-l-14', id: 'OFA-Sys/chinese-clip-vit-large-patch14', parameters: 406_233_089, dim: 768, imageSize: 224, goodFor: 'Chinese texts, high quality' },
  { ...chinese, name: 'chinese-clip-l-14-336', id: 'OFA-Sys/chinese-clip-vit-large-patch14-336px', parameters: 406_560_769, dim: 768, imageSize: 336, goodFor: 'Chinese texts, small things in pictures' },
  { ...chinese, name: 'chinese-clip-h-14', id: 'OFA-Sys/chinese-clip-vit-huge-patch14', parameters: 957_598_209, dim: 1024, imageSize: 224, goodFor: 'Chinese texts, the best quality' },
  // fine-tunes
  { ...openai, name: 'fashion-clip', id: 'patrickjohncyh/fashion-clip', parameters: 151_277_313, dim: 512, imageSize: 224, goodFor: 'clothing and product pictures' },
  { ...openai, license: 'CC-BY-NC-4.0', name: 'streetclip', id: 'geolocal/StreetCLIP', parameters: 427_944_193, dim: 768, imageSize: 336, goodFor: 'guessing where a street photograph was taken' },
  // SigLIP
  { ...siglip, name: 'siglip-base-224', id: 'google/siglip-base-patch16-224', parameters: 203_155_970, dim: 768, imageSize: 224, goodFor: 'yes-or-no scores for each label: probabilities that need not add up' },
  { ...siglip, name: 'siglip-base-256', id: 'google/siglip-base-patch16-256', parameters: 203_202_050, dim: 768, imageSize: 256, goodFor: 'as siglip-base-224, finer detail' },
  { ...siglip, name: 'siglip-base-384', id: 'google/siglip-base-patch16-384', parameters: 203_447_810, dim: 768, imageSize: 384, goodFor: 'small things in pictures' },
  { ...siglip, name: 'siglip-base-512', id: 'google/siglip-base-patch16-512', parameters: 203_791_874, dim: 768, imageSize: 512, goodFor: 'small things and text in pictures' },
  { ...siglip, name: 'siglip-base-256-multilingual', id: 'google/siglip-base-patch16-256-multilingual', parameters: 370_626_050, dim: 768, imageSize: 256, goodFor: 'texts in many languages' },
  { ...siglip, name: 'siglip-large-256', id: 'google/siglip-large-patch16-256', parameters: 652_150_786, dim: 1024, imageSize: 256, goodFor: 'high quality classification and retrieval' },
  { ...siglip, name: 'siglip-large-384', id: 'google/siglip-large-patch16-384', parameters: 652_478_466, dim: 1024, imageSize: 384, goodFor: 'as siglip-large-256, finer detail' },
  { ...siglip, contextLength: 16, name: 'siglip-so400m-224', id: 'google/siglip-so400m-patch14-224', parameters: 877_360_306, dim: 1152, imageSize: 224, imagenet: 82.0, goodFor: 'high quality; short texts only' },
  { ...siglip, name: 'siglip-so400m-384', id: 'google/siglip-so400m-patch14-384', parameters: 877_960_498, dim: 1152, imageSize: 384, imagenet: 83.1, goodFor: 'high quality; vision part of many vision-language models' },
  // SigLIP 2, fixed resolution
  { ...siglip, name: 'siglip2-base-32-256', tasks: ['multilingual', 'small'], id: 'google/siglip2-base-patch32-256', parameters: 376_856_066, dim: 768, imageSize: 256, goodFor: 'many languages, the fastest of its family' },
  { ...siglip, name: 'siglip2-base-224', tasks: ['multilingual'], id: 'google/siglip2-base-patch16-224', parameters: 375_187_970, dim: 768, imageSize: 224, imagenet: 78.2, goodFor: 'a good first choice today: many languages, strong retrieval' },
  { ...siglip, name: 'siglip2-base-256', id: 'google/siglip2-base-patch16-256', parameters: 375_234_050, dim: 768, imageSize: 256, imagenet: 79.1, goodFor: 'as siglip2-base-224, finer detail' },
  { ...siglip, name: 'siglip2-base-384', id: 'google/siglip2-base-patch16-384', parameters: 375_479_810, dim: 768, imageSize: 384, goodFor: 'many languages, small things in pictures' },
  { ...siglip, name: 'siglip2-base-512', id: 'google/siglip2-base-patch16-512', parameters: 375_823_874, dim: 768, imageSize: 512, imagenet: 81.2, goodFor: 'many languages, small things and text in pictures' },
  { ...siglip, name: 'siglip2-large-256', tasks: ['multilingual'], id: 'google/siglip2-large-patch16-256', parameters: 881_526_786, dim: 1024, imageSize: 256, goodFor: 'many languages, high quality' },
  { ...siglip, name: 'siglip2-large-384', id: 'google/siglip2-large-patch16-384', parameters: 881_854_466, dim: 1024, imageSize: 384, goodFor: 'many languages, high quality, finer detail' },
  { ...siglip, name: 'siglip2-large-512', id: 'google/siglip2-large-patch16-512', parameters: 882_313_218, dim: 1024, imageSize: 512, goodFor: 'many languages, high quality, the finest detail' },
  { ...siglip, name: 'siglip2-so400m-224', id: 'google/siglip2-so400m-patch14-224', parameters: 1_135_463_602, dim: 1152, imageSize: 224, goodFor: 'many languages, the best quality at 224 pixels' },
  { ...siglip, name: 'siglip2-so400m-384', tasks: ['best', 'multilingual'], id: 'google/siglip2-so400m-patch14-384', parameters: 1_136_008_498, dim: 1152, imageSize: 384, goodFor: 'many languages, the best quality' },
  { ...siglip, name: 'siglip2-so400m-16-256', id: 'google/siglip2-so400m-patch16-256', parameters: 1_135_670_962, dim: 1152, imageSize: 256, goodFor: 'many languages, best quality, fewer patches' },
  { ...siglip, name: 'siglip2-so400m-16-384', id: 'google/siglip2-so400m-patch16-384', parameters: 1_136_039_602, dim: 1152, imageSize: 384, goodFor: 'many languages, best quality, fewer patches' },
  { ...siglip, name: 'siglip2-so400m-16-512', tasks: ['best', 'multilingual'], id: 'google/siglip2-so400m-patch16-512', parameters: 1_136_555_698, dim: 1152, imageSize: 512, goodFor: 'many languages, best quality, the finest detail' },
  // SigLIP 2, any shape
  { ...siglip, name: 'siglip2-base-naflex', id: 'google/siglip2-base-patch16-naflex', parameters: 375_234_050, dim: 768, goodFor: 'many languages; documents, screens and other long shapes' },
  { ...siglip, name: 'siglip2-so400m-naflex', id: 'google/siglip2-so400m-patch16-naflex', parameters: 1_135_670_962, dim: 1152, goodFor: 'as siglip2-base-naflex, the best quality' },
  // TIPSv2: Google's image and text encoders with patches that follow texts
  { ...tips, name: 'tipsv2-b-14', id: 'google/tipsv2-b14', parameters: 195_948_288, dim: 768, imageSize: 448, goodFor: 'retrieval and similar pictures in one model, fine detail' },
  { ...tips, name: 'tipsv2-l-14', id: 'google/tipsv2-l14', parameters: 487_941_120, dim: 1024, imageSize: 448, goodFor: 'as tipsv2-b-14, high quality' },
  { ...tips, name: 'tipsv2-so400m-14', id: 'google/tipsv2-so400m14', parameters: 861_726_816, dim: 1152, imageSize: 448, goodFor: 'as tipsv2-b-14, higher quality' },
  { ...tips, name: 'tipsv2-g-14', id: 'google/tipsv2-g14', parameters: 1_525_085_696, dim: 1536, imageSize: 448, goodFor: 'as tipsv2-b-14, the largest' },
  // MobileCLIP and MobileCLIP2: convolutional, the fastest of their quality
  { ...mobile, name: 'mobileclip-s0', id: 'apple/MobileCLIP-S0', parameters: 53_800_000, dim: 512, imageSize: 256, imagenet: 67.8, goodFor: 'the smallest and fastest here that finds photos by words' },
  { ...mobile, name: 'mobileclip-s1', id: 'apple/MobileCLIP-S1-OpenCLIP', copies: ['apple/MobileCLIP-S1'], parameters: 84_969_729, dim: 512, imageSize: 256, imagenet: 72.6, goodFor: 'phones and small boxes: the quality of b-16 in a fraction of its time' },
  { ...mobile, name: 'mobileclip-s2', id: 'apple/MobileCLIP-S2-OpenCLIP', copies: ['apple/MobileCLIP-S2'], parameters: 99_243_329, dim: 512, imageSize: 256, imagenet: 74.4, goodFor: 'photo search on the device, as in ente' },
  { ...mobile, name: 'mobileclip-b', id: 'apple/MobileCLIP-B-OpenCLIP', copies: ['apple/MobileCLIP-B'], parameters: 149_777_921, dim: 512, imageSize: 224, imagenet: 76.8, goodFor: 'a ViT-B/16 after three convolutions: quality before speed' },
  { ...mobile, name: 'mobileclip-b-lt', id: 'apple/MobileCLIP-B-LT-OpenCLIP', copies: ['apple/MobileCLIP-B-LT'], parameters: 149_777_921, dim: 512, imageSize: 224, imagenet: 77.2, goodFor: 'as mobileclip-b, trained longer' },
  { ...mobile, name: 'mobileclip-s3', id: 'apple/MobileCLIP-S3', parameters: 248_885_953, dim: 768, imageSize: 256, imagenet: 78.3, goodFor: 'as mobileclip2-s3, trained on MobileCLIP\'s captions' },
  { ...mobile, name: 'mobileclip-s4', id: 'apple/MobileCLIP-S4', parameters: 445_435_137, dim: 768, imageSize: 256, imagenet: 79.4, goodFor: 'as mobileclip2-s4, trained on MobileCLIP\'s captions' },
  { ...mobile, name: 'mobileclip-l-14', id: 'apple/MobileCLIP-L-14', parameters: 427_617_281, dim: 768, imageSize: 224, imagenet: 79.5, goodFor: 'as mobileclip2-l-14, trained on MobileCLIP\'s captions' },
  { ...mobile, name: 'mobileclip2-s0', id: 'timm/MobileCLIP2-S0-OpenCLIP', copies: ['apple/MobileCLIP2-S0'], tasks: ['small'], parameters: 74_835_073, dim: 512, imageSize: 256, imagenet: 71.5, goodFor: 'the fastest here with the quality of b-16' },
  { ...mobile, name: 'mobileclip2-b', id: 'timm/MobileCLIP2-B-OpenCLIP', copies: ['apple/MobileCLIP2-B'], parameters: 149_777_921, dim: 512, imageSize: 224, imagenet: 79.4, goodFor: 'as mobileclip-b, trained on better captions' },
  { ...mobile, name: 'mobileclip2-s2', id: 'timm/MobileCLIP2-S2-OpenCLIP', copies: ['apple/MobileCLIP2-S2'], tasks: ['small'], parameters: 99_243_329, dim: 512, imageSize: 256, imagenet: 77.2, goodFor: 'photo search on the device, high quality for its time' },
  { ...mobile, name: 'mobileclip2-s3', id: 'timm/MobileCLIP2-S3-OpenCLIP', copies: ['apple/MobileCLIP2-S3'], parameters: 248_885_953, dim: 768, imageSize: 256, imagenet: 80.7, goodFor: 'the quality of large models at moderate size' },
  { ...mobile, name: 'mobileclip2-s4', id: 'timm/MobileCLIP2-S4-OpenCLIP', copies: ['apple/MobileCLIP2-S4'], parameters: 445_435_137, dim: 768, imageSize: 256, imagenet: 81.9, goodFor: 'the quality of so400m at half its time' },
  { ...mobile, name: 'mobileclip2-l-14', id: 'timm/MobileCLIP2-L-14-OpenCLIP', copies: ['apple/MobileCLIP2-L-14'], parameters: 427_617_281, dim: 768, imageSize: 224, imagenet: 81.9, goodFor: 'zero-shot classification of high quality' },
  // EVA: rotary positions, gated MLPs
  { ...eva, name: 'eva02-b-16', id: 'timm/eva02_base_patch16_clip_224.merged2b_s8b_b131k', parameters: 149_691_137, dim: 512, imageSize: 224, imagenet: 74.7, goodFor: 'zero-shot classification, better than b-16 of its time' },
  { ...eva, name: 'eva02-l-14', id: 'timm/eva02_large_patch14_clip_224.merged2b_s4b_b131k', parameters: 427_755_457, dim: 768, imageSize: 224, imagenet: 79.8, goodFor: 'high quality retrieval' },
  { ...eva, name: 'eva02-l-14-336', id: 'timm/eva02_large_patch14_clip_336.merged2b_s6b_b61k', parameters: 428_083_137, dim: 768, imageSize: 336, imagenet: 80.4, goodFor: 'high quality retrieval, finer detail' },
  { ...eva, name: 'eva02-e-14-plus', id: 'timm/eva02_enormous_patch14_plus_clip_224.laion2b_s9b_b144k', parameters: 5_044_889_089, dim: 1024, imageSize: 224, imagenet: 82.0, goodFor: 'research: the largest' },
  // PE-Core: Meta's Perception Encoder
  { ...perception, name: 'pe-core-t-16-384', id: 'timm/PE-Core-T-16-384', parameters: 69_546_113, dim: 512, imageSize: 384, imagenet: 62.1, goodFor: 'small and fine-grained' },
  { ...perception, name: 'pe-core-s-16-384', id: 'timm/PE-Core-S-16-384', parameters: 87_188_225, dim: 512, imageSize: 384, imagenet: 72.7, goodFor: 'small, finer detail than b-32' },
  { ...perception, name: 'pe-core-b-16', id: 'timm/PE-Core-B-16', parameters: 447_660_545, dim: 1024, imageSize: 224, imagenet: 78.4, goodFor: 'photo search of high quality at the size of b-16' },
  { ...perception, name: 'pe-core-l-14-336', id: 'timm/PE-Core-L-14-336', parameters: 671_138_817, dim: 1024, imageSize: 336, imagenet: 83.5, goodFor: 'the best of the large models' },
  { ...perception, contextLength: 72, name: 'pe-core-g-14-448', id: 'timm/PE-Core-bigG-14-448', tasks: ['best'], parameters: 2_419_267_841, dim: 1280, imageSize: 448, imagenet: 85.4, goodFor: 'zero-shot classification, the most accurate here' },
  // jina-clip: long texts, as Frigate uses it
  { ...jina, name: 'jina-clip-v1', id: 'jinaai/jina-clip-v1', parameters: 222_647_041, dim: 768, imageSize: 224, goodFor: 'texts of any length among themselves and with pictures, English' },
  { ...jina, name: 'jina-clip-v2', id: 'jinaai/jina-clip-v2', license: 'CC-BY-NC-4.0', terms: 'the licence of its weights (CC BY-NC 4.0) allows no commercial use', parameters: 862_697_409, dim: 1024, imageSize: 512, goodFor: '89 languages, texts of any length, vectors that can be shortened' },
  // ConvNeXt
  { ...laion, name: 'convnext-base-w', id: 'laion/CLIP-convnext_base_w-laion2B-s13B-b82K', parameters: 179_385_345, dim: 640, imageSize: 256, imagenet: 70.8, goodFor: 'convolutional, between b-16 and l-14' },
  { ...laion, name: 'convnext-base-w-320', id: 'laion/CLIP-convnext_base_w_320-laion_aesthetic-s13B-b82K', parameters: 179_385_345, dim: 640, imageSize: 320, goodFor: 'as convnext-base-w, finer detail' },
  { ...laion, name: 'convnext-large-d', id: 'laion/CLIP-convnext_large_d.laion2B-s26B-b102K-augreg', parameters: 351_772_609, dim: 768, imageSize: 256, imagenet: 75.9, goodFor: 'the quality of l-14 with less work' },
  { ...laion, name: 'convnext-large-d-320', id: 'laion/CLIP-convnext_large_d_320.laion2B-s29B-b131K-ft-soup', parameters: 351_772_609, dim: 768, imageSize: 320, imagenet: 76.9, goodFor: 'as convnext-large-d, finer detail' },
  { ...laion, name: 'convnext-xxlarge', id: 'laion/CLIP-convnext_xxlarge-laion2B-s34B-b82K-augreg-soup', parameters: 1_200_576_385, dim: 1024, imageSize: 256, imagenet: 79.4, goodFor: 'retrieval of very high quality' },
  // ViTamin: convolutional stages before the blocks
  { ...vitamin, name: 'vitamin-s', id: 'jienengchen/ViTamin-S', parameters: 62_469_185, dim: 384, imageSize: 224, goodFor: 'small: convolutions first, then a few blocks' },
  { ...vitamin, name: 'vitamin-b', id: 'jienengchen/ViTamin-B', parameters: 150_953_345, dim: 512, imageSize: 224, goodFor: 'the size of b-16, better at zero-shot classification' },
  { ...vitamin, name: 'vitamin-l-256', id: 'jienengchen/ViTamin-L-256px', parameters: 457_029_793, dim: 768, imageSize: 256, goodFor: 'high quality classification and retrieval' },
  { ...vitamin, name: 'vitamin-l-384', id: 'jienengchen/ViTamin-L-384px', parameters: 457_357_473, dim: 768, imageSize: 384, goodFor: 'as vitamin-l-256, finer detail' },
  { ...vitamin, name: 'vitamin-l2-384', id: 'jienengchen/ViTamin-L2-384px', parameters: 688_001_953, dim: 1024, imageSize: 384, goodFor: 'as vitamin-l-384, with a larger text encoder' },
  { ...vitamin, name: 'vitamin-xl-384', id: 'jienengchen/ViTamin-XL-384px', parameters: 924_776_257, dim: 1152, imageSize: 384, goodFor: 'the best of its family' },
  // OpenAI's ResNets
  { ...openai, name: 'clip-rn50', id: 'timm/resnet50_clip.openai', parameters: 102_007_137, dim: 1024, imageSize: 224, imagenet: 59.6, goodFor: 'old applications that expect it' },
  { ...openai, name: 'clip-rn101', id: 'timm/resnet101_clip.openai', parameters: 119_688_033, dim: 512, imageSize: 224, imagenet: 62.2, goodFor: 'old applications that expect it' },
  { ...openai, name: 'clip-rn50x4', id: 'timm/resnet50x4_clip.openai', parameters: 178_300_601, dim: 640, imageSize: 288, imagenet: 65.8, goodFor: 'old applications; aesthetics and captioning models' },
  { ...openai, name: 'clip-rn50x16', id: 'timm/resnet50x16_clip.openai', parameters: 290_979_217, dim: 768, imageSize: 384, imagenet: 70.5, goodFor: 'old applications that expect it' },
  { ...openai, name: 'clip-rn50x64', id: 'timm/resnet50x64_clip.openai', parameters: 623_258_305, dim: 1024, imageSize: 448, imagenet: 73.6, goodFor: 'old applications; interrogating pictures for prompts' },
  // image encoders without texts
  { ...dino, name: 'dinov2-small', id: 'facebook/dinov2-small', tasks: ['dedupe', 'small'], parameters: 22_056_576, dim: 384, imageSize: 224, goodFor: 'near-duplicates and similar pictures, fast' },
  { ...dino, name: 'dinov2-base', id: 'facebook/dinov2-base', tasks: ['dedupe'], parameters: 86_580_480, dim: 768, imageSize: 224, goodFor: 'near-duplicates and similar pictures' },
  { ...dino, name: 'dinov2-large', id: 'facebook/dinov2-large', parameters: 304_368_640, dim: 1024, imageSize: 224, goodFor: 'similar pictures, high quality' },
  { ...dino3, name: 'dinov3-vits16', id: 'facebook/dinov3-vits16-pretrain-lvd1689m', parameters: 21_596_544, dim: 384, imageSize: 224, goodFor: 'near-duplicates and similar pictures, fast' },
  { ...dino3, name: 'dinov3-vitb16', id: 'facebook/dinov3-vitb16-pretrain-lvd1689m', parameters: 85_660_416, dim: 768, imageSize: 224, goodFor: 'near-duplicates and similar pictures' },
  { ...dino3, name: 'dinov3-vitl16', id: 'facebook/dinov3-vitl16-pretrain-lvd1689m', parameters: 303_129_600, dim: 1024, imageSize: 224, goodFor: 'similar pictures, high quality' },
  // MobileCLIP's image encoders, in timm's layout
  { ...mobile, towers: 'image', contextLength: 0, name: 'mobileclip-s0-image', id: 'apple/mobileclip_s0_timm', parameters: 11_406_976, dim: 512, imageSize: 256, goodFor: 'pictures only, on the smallest devices' },
  { ...mobile, towers: 'image', contextLength: 0, name: 'mobileclip-s1-image', id: 'apple/mobileclip_s1_timm', parameters: 21_541_632, dim: 512, imageSize: 256, goodFor: 'pictures only, as mobileclip-s1' },
  { ...mobile, towers: 'image', contextLength: 0, name: 'mobileclip-s2-image', id: 'apple/mobileclip_s2_timm', parameters: 35_815_232, dim: 512, imageSize: 256, goodFor: 'pictures only, as mobileclip-s2' },
  { ...mobile, towers: 'image', contextLength: 0, name: 'mobileclip-b-image', id: 'apple/mobileclip_b_timm', parameters: 86_349_056, dim: 512, imageSize: 224, goodFor: 'pictures only, as mobileclip-b' },
  { ...mobile, towers: 'image', contextLength: 0, name: 'mobileclip-b-lt-image', id: 'apple/mobileclip_b_lt_timm', parameters: 86_349_056, dim: 512, imageSize: 224, goodFor: 'pictures only, as mobileclip-b-lt' },
].map(entry => Object.freeze<ModelEntry>({ ...entry, bytes: 4 * entry.parameters } as ModelEntry)))
