// The pages of docs/api/: their exports, in order, and the code before their examples.
'use strict'

/** Entries of the package, by the file that lists their exports. */
const entries = [{ module: 'ggclip', file: 'lib/library.ts' }, { module: 'ggclip/server', file: 'lib/server/index.ts' }]

/** `names`: exports, and members of classes that several pages explain. `prelude`: runs before the examples. */
const pages = [
  {
    file: 'loading.md',
    title: 'Load a model',
    intro:
      'A `Clip` is a loaded model: its weights in memory, its threads, its queue. Load one, use it anywhere in the process, dispose of it.',
    prelude: "import { Clip, endProcess, weightTypes } from 'ggclip'\n",
    names: [
      'Clip',
      'Clip.load',
      'LoadOptions',
      'clip.info',
      'ClipInfo',
      'DeviceInfo',
      'clip.stats',
      'ClipStats',
      'clip.dispose',
      'clip[Symbol.asyncDispose]',
      'endProcess',
      'Device',
      'Towers',
      'Precision',
      'DecodeMode',
      'weightTypes',
      'WeightType',
    ],
  },
  {
    file: 'encoding.md',
    title: 'Encode images and texts',
    intro:
      'Images and texts become vectors of one space, `info.dim` numbers each. Calls made at about the same time are computed in one batch.',
    prelude: "import { Clip } from 'ggclip'\n\nconst clip = await Clip.load()\n",
    names: [
      'clip.encodeImage',
      'clip.encodeText',
      'clip.encodeImages',
      'clip.encodeTexts',
      'EncodeImageOptions',
      'ImageOptions',
      'EncodeTextOptions',
      'TextOptions',
      'CallOptions',
      'StreamOptions',
      'EncodeOutcome',
      'TraceEvent',
      'clip.preprocess',
      'clip.tokenize',
      'clip.hiddenStates',
      'HiddenStatesOptions',
      'HiddenStates',
      'clip.intermediates',
    ],
  },
  {
    file: 'classifying.md',
    title: 'Classify',
    intro: 'Which of these words fits the image? No training: labels are texts, and the nearest one wins.',
    prelude: "import { Clip } from 'ggclip'\n\nconst clip = await Clip.load()\n",
    names: [
      'clip.classify',
      'ClassifyOptions',
      'clip.classifier',
      'ClassifierOptions',
      'Classifier',
      'ClassifyImageOptions',
      'Classification',
      'Template',
      'clip.similarity',
      'SimilarityResult',
    ],
  },
  {
    file: 'searching.md',
    title: 'Compare and search vectors',
    intro: 'Functions of vectors, from one pair to matrices of millions of rows. They need no model.',
    prelude:
      "import * as ggclip from 'ggclip'\n\nconst { contrastiveLoss, cosineSimilarity, dot, normalize, sigmoid, sigmoidLoss, similarityMatrix, softmax, topK } = ggclip\n",
    names: [
      'cosineSimilarity',
      'dot',
      'normalize',
      'softmax',
      'sigmoid',
      'topK',
      'TopK',
      'similarityMatrix',
      'Matrix',
      'SearchOptions',
      'Vector',
      'contrastiveLoss',
      'sigmoidLoss',
    ],
  },
  {
    file: 'converting.md',
    title: 'Convert, quantise, inspect',
    intro:
      'Any model that ggclip loads can be written to one GGUF file, optionally with other weight types, including its tokenizer. Types and their accuracy: [quantization.md](../quantization.md).',
    prelude: "import { convert, inspect, quantize, report } from 'ggclip'\n",
    names: [
      'convert',
      'ConvertOptions',
      'ConvertProgress',
      'ConvertResult',
      'quantize',
      'QuantizeOptions',
      'report',
      'ReportOptions',
      'QuantizationReport',
      'ModelReport',
      'TowerReport',
      'inspect',
      'Inspection',
      'InspectedTensor',
    ],
  },
  {
    file: 'hub.md',
    title: 'Models of the hub',
    intro:
      '`Clip.load` downloads what it needs. Use these to download in advance, or to list the models that have a short name. The cache and its environment variables: [hub.md](../hub.md).',
    prelude: "import { models, pull, suggestModels } from 'ggclip'\n",
    names: ['pull', 'HubOptions', 'PullProgress', 'PullResult', 'PulledFile', 'models', 'ModelEntry', 'ModelFamily',
      'ModelTask', 'suggestModels'],
  },
  {
    file: 'server.md',
    title: 'Serve',
    intro:
      'The HTTP server as a part of your program: the module `ggclip/server`, which needs [some more packages](../server.md#installing). Its HTTP API: [server.md](../server.md).',
    prelude: "import { Server } from 'ggclip/server'\n",
    names: ['Server', 'ServerOptions', 'ServedModel', 'ApiKey', 'RemoteImageOptions', 'LogLevel', 'Dialect'],
  },
  {
    file: 'errors.md',
    title: 'Errors',
    intro:
      'Every error has a stable `code`: match on it. Each code with an example and a remedy: [errors.md](../errors.md).',
    prelude: "import { Clip, ClipError, errorCodes } from 'ggclip'\n\nconst clip = await Clip.load()\n",
    names: ['ClipError', 'ArgumentError', 'errorCodes', 'ClipErrorCode'],
    listsCodes: true,
  },
  {
    file: 'pictures.md',
    title: 'Image inputs',
    intro: 'Every call that takes an image accepts all of these.',
    prelude: "import { Clip } from 'ggclip'\n\nconst clip = await Clip.load()\n",
    names: ['ImageInput', 'RawPixels', 'ImageTensor', 'Rgb'],
  },
]

module.exports = { entries, pages }
