/**
 * Finds the folders of a model, its tokenizer and its image processor: the same for repositories of the hub and local
 * folders, and for load, convert, quantize and inspect.
 */
import { readdir, readFile, stat } from 'node:fs/promises'
import path from 'node:path'

import { ClipError } from '../errors.js'

/** The files of a repository or folder. */
export interface FileSource {
  /** Its name in messages. */
  name: string
  /** The separator between its name and a folder's: ':' (default) for the hub's. */
  chosenBy?: ':' | '/'
  paths: ReadonlySet<string>
  /** The text of a small file. */
  read(path: string): Promise<string>
}

export type Towers = 'both' | 'image' | 'text'

/** Folders relative to the source: '' for the top, others with a trailing slash. */
export interface Layout {
  /** Configuration and weights. */
  folder: string
  tokenizer: string
  processor: string
}

/** Each is a complete tokenizer by itself; the first that exists is used. */
export const tokenizerFiles = [
  ['tokenizer.json'],
  ['vocab.json', 'merges.txt'],
  ['vocab.txt'],
  ['spiece.model'],
  ['sentencepiece.bpe.model'],
  ['sentencepiece.model'],
  ['tokenizer.model'],
]
/** Transformers' names before OpenCLIP's, or the reverse; safetensors before pickled checkpoints. */
export const weightNames = {
  transformers: [
    'model.safetensors',
    'model.fp16.safetensors',
    'open_clip_model.safetensors',
    'pytorch_model.bin',
    'pytorch_model.fp16.bin',
    'open_clip_pytorch_model.bin',
  ],
  openClip: [
    'open_clip_model.safetensors',
    'model.safetensors',
    'model.fp16.safetensors',
    'open_clip_pytorch_model.bin',
    'pytorch_model.bin',
    'pytorch_model.fp16.bin',
  ],
}

/** Most subfolders to look at in a local folder that is not itself a model. */
const maxFolders = 64
const maxConfigBytes = 2 ** 20

/** Folders that have a configuration and weights, with trailing slash, '' for the top. */
export function checkpointFolders(paths: ReadonlySet<string>): string[] {
  const has = (name: string): boolean => paths.has(name) || paths.has(`${name}.index.json`)
  return [...paths]
    .map(name => /^(.*\/)?(?:open_clip_)?config\.json$/.exec(name))
    .flatMap(match => (match ? [match[1] ?? ''] : []))
    .filter((folder, i, all) => all.indexOf(folder) === i && weightNames.transformers.some(name => has(folder + name)))
}

/**
 * The folder of the model: the top; else the one named by `modules.json` (sentence-transformers) or `model_index.json`
 * (diffusers); else the only one with a configuration and weights. Undefined if there is none.
 *
 * @throws {ClipError} ERR_CLIP_HUB_FILES if there are several
 */
export async function findLayout(source: FileSource, towers: Towers = 'both'): Promise<Layout | undefined> {
  const folders = checkpointFolders(source.paths)
  if (folders.includes('')) return layoutOf(source.paths, '')
  const named = [...await modulesOf(source), ...await encodersOf(source, towers)].find(folder =>
    folders.includes(folder)
  )
  if (named !== undefined) return layoutOf(source.paths, named)
  if (folders.length > 1) {
    const list = folders.slice(0, 12).map(folder => `'${source.chosenBy ?? ':'}${folder.slice(0, -1)}'`).join(', ')
    throw new ClipError(
      'ERR_CLIP_HUB_FILES',
      `${source.name} holds several models: choose one by putting ${list} after its name`,
    )
  }
  return folders.length === 1 ? layoutOf(source.paths, folders[0]!) : undefined
}

/**
 * diffusers keeps the tokenizer of `text_encoder` in `tokenizer` beside it, and the image processor in
 * `feature_extractor`.
 */
export function layoutOf(paths: ReadonlySet<string>, folder: string): Layout {
  const [, above = '', number = ''] = /^(.*\/)?(?:text_encoder|image_encoder)(_\d+)?\/$/.exec(folder) ?? []
  const isEncoder = /(?:^|\/)(?:text|image)_encoder(?:_\d+)?\/$/.test(folder)
  const hasTokenizer = (place: string): boolean =>
    tokenizerFiles.some(files => files.every(file => paths.has(place + file)))
  const hasProcessor = (place: string): boolean =>
    paths.has(`${place}preprocessor_config.json`) || paths.has(`${place}processor_config.json`)
  const beside = (has: (place: string) => boolean, ...names: string[]): string => {
    if (!isEncoder || has(folder)) return folder
    return names.map(name => `${above}${name}/`).find(has) ?? folder
  }
  return {
    folder,
    tokenizer: beside(hasTokenizer, `tokenizer${number}`),
    processor: beside(hasProcessor, 'feature_extractor', 'image_processor'),
  }
}

/** [{ path: '0_CLIPModel', type: 'sentence_transformers.models.CLIPModel' }, ...] */
async function modulesOf(source: FileSource): Promise<string[]> {
  const modules = await readJson(source, 'modules.json')
  if (!Array.isArray(modules)) return []
  return modules.flatMap((
    module: { path?: unknown; type?: unknown } | null,
  ) => (typeof module?.path === 'string' && typeof module.type === 'string' &&
      /\.(?:CLIPModel|Transformer)$/.test(module.type)
    ? [`${module.path}/`]
    : [])
  )
}

/** { text_encoder: ['transformers', 'CLIPTextModel'], image_encoder: ['transformers', 'CLIPVisionModelWithProjection'], ... } */
async function encodersOf(source: FileSource, towers: Towers): Promise<string[]> {
  const index = await readJson(source, 'model_index.json')
  if (typeof index !== 'object' || index === null) return []
  const encoders = Object.entries(index).flatMap(([name, value]: [string, unknown]) => {
    const type: unknown = Array.isArray(value) && value[0] === 'transformers' ? value[1] : undefined
    return typeof type === 'string' && /(?:Text|Vision)Model(?:WithProjection)?$/.test(type)
      ? [{ folder: `${name}/`, image: /Vision/.test(type) }]
      : []
  })
  const first = encoders.filter(({ image }) => image === (towers === 'image'))
  return [...first, ...encoders.filter(encoder => !first.includes(encoder))].map(({ folder }) => folder)
}

async function readJson({ paths, read }: FileSource, file: string): Promise<unknown> {
  if (!paths.has(file)) return undefined
  try {
    return JSON.parse(await read(file)) as unknown
  } catch {
    return undefined // then the folders' contents decide
  }
}

/** The paths of a model; folders are '' if they are the weights' folder. */
export interface LocalLayout {
  path: string
  tokenizerFolder: string
  processorFolder: string
}

/**
 * Finds the model of a path: a file of weights, a folder, or a folder with the model in a subfolder or as its only GGUF
 * file. A path without a model is returned unchanged: loading reports the problem.
 */
export async function localLayout(target: string, towers: Towers = 'both'): Promise<LocalLayout> {
  const isFolder = await stat(target).then(info => info.isDirectory(), () => false)
  if (!isFolder) return besideEncoder(target, path.dirname(target))
  const names: string[] = await readdir(target).catch(() => [])
  if (names.includes('config.json') || names.includes('open_clip_config.json')) return besideEncoder(target, target)
  const source: FileSource = {
    name: target,
    chosenBy: '/',
    paths: await filesBelow(target, names),
    read: file => readSmall(path.join(target, file)),
  }
  const found = await findLayout(source, towers)
  if (found) {
    const at = (folder: string): string => path.join(target, folder.slice(0, -1))
    return {
      path: at(found.folder),
      tokenizerFolder: found.tokenizer === found.folder ? '' : at(found.tokenizer),
      processorFolder: found.processor === found.folder ? '' : at(found.processor),
    }
  }
  const ggufs = names.filter(name => name.endsWith('.gguf'))
  return { path: ggufs.length === 1 ? path.join(target, ggufs[0]!) : target, tokenizerFolder: '', processorFolder: '' }
}

/** For `.../text_encoder` and the like, with the tokenizer in a sibling folder. */
async function besideEncoder(target: string, folder: string): Promise<LocalLayout> {
  const own = `${path.basename(path.resolve(folder))}/`
  if (!/^(?:text|image)_encoder(?:_\d+)?\/$/.test(own))
    return { path: target, tokenizerFolder: '', processorFolder: '' }
  const above = path.dirname(path.resolve(folder))
  const found = layoutOf(await filesBelow(above, await readdir(above).catch(() => [])), own)
  const at = (name: string): string => (name === own ? '' : path.join(above, name.slice(0, -1)))
  return { path: target, tokenizerFolder: at(found.tokenizer), processorFolder: at(found.processor) }
}

async function filesBelow(folder: string, names: readonly string[]): Promise<Set<string>> {
  const paths = new Set(names)
  for (const name of names.filter(one => !/\.\w+$/.test(one)).slice(0, maxFolders)) {
    for (const file of await readdir(path.join(folder, name)).catch(() => [])) paths.add(`${name}/${file}`)
  }
  return paths
}

async function readSmall(file: string): Promise<string> {
  const { size } = await stat(file)
  return size > maxConfigBytes ? '' : readFile(file, 'utf8')
}
