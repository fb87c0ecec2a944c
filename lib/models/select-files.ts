/** Selects the files of a repository that ggclip needs; only these are downloaded. */
import { ClipError } from '../errors.js'
import { checkpointFolders, type FileSource, findLayout, layoutOf, tokenizerFiles, weightNames } from './layout.js'

export type { FileSource } from './layout.js'

export interface Selection {
  files: string[]
  /** What to load, relative to the snapshot: a file, a folder, or '' for the snapshot itself. */
  entry: string
  /** Whether texts can be tokenised with these files. */
  tokenizer: boolean
}

const configs = ['config.json', 'open_clip_config.json']
/**
 * Weights as their publishers' own code names them, which need no configuration: Apple's `mobileclip_s0.pt`, Meta's
 * `PE-Core-L14-336.pt`. Other lone files may be anything.
 */
const publisherFile = /^(?:mobileclip2?_[a-z0-9]+|PE-Core-[A-Za-z]\d+(?:-\d+)?)\.pt$/
/** Some of LAION's repositories (CoCa) have no configuration beside them: the tensors tell. */
const openClipFiles = weightNames.openClip.filter(name => name.startsWith('open_clip_'))
const processorConfigs = ['preprocessor_config.json', 'processor_config.json']
const tokenizerConfigs = ['tokenizer_config.json', 'special_tokens_map.json']
/**
 * @param wanted a file or folder of the repository, or a part of a GGUF file's name such as `q8_0`
 * @throws {ClipError} ERR_CLIP_HUB_FILES if there is no model, or several and no choice
 */
export async function selectFiles(source: FileSource, wanted?: string): Promise<Selection> {
  if (wanted !== undefined && source.paths.has(wanted)) return chosenFile(source, wanted)
  if (wanted !== undefined) {
    const folder = `${wanted.replace(/\/$/, '')}/`
    if (checkpointFolders(source.paths).includes(folder)) return checkpoint(source, folder)
    return ggufFile(source, wanted)
  }
  const found = await findLayout(source)
  if (found) return checkpoint(source, found.folder)
  const own = [...source.paths].filter(name => publisherFile.test(name))
  if (own.length === 1) return chosenFile(source, own[0]!)
  const bare = openClipFiles.find(name => source.paths.has(name))
  return bare === undefined ? ggufFile(source, undefined) : chosenFile(source, bare)
}

async function checkpoint(source: FileSource, folder: string): Promise<Selection> {
  const { paths } = source
  const has = (name: string): boolean => paths.has(folder + name)
  const names = await isTransformers(source, folder) ? weightNames.transformers : weightNames.openClip
  const weights = names.find(name => has(name) || has(`${name}.index.json`))!
  const rest = companions(paths, folder)
  if (has(weights)) return { ...rest, files: [...rest.files, folder + weights], entry: folder.slice(0, -1) }
  const index = `${folder}${weights}.index.json`
  return { ...rest, files: [...rest.files, index, ...await shards(source, folder, index)], entry: folder.slice(0, -1) }
}

/** Families of transformers that `cpp/formats/families/hf/config.cpp` reads. */
const families = new Set(['clip', 'clipseg', 'owlvit', 'owlv2', 'siglip', 'siglip2', 'fgclip', 'fgclip2',
  'chinese_clip', 'metaclip_2', 'M-CLIP', 'aimv2', 'dinov2', 'dinov2_with_registers', 'dinov3_vit', 'altclip', 'blip',
  'vision-text-dual-encoder', 'jina_clip', 'tipsv2'])

/** A config.json may be timm's or another program's, in which case the OpenCLIP files beside it are the model. */
async function isTransformers(source: FileSource, folder: string): Promise<boolean> {
  if (!source.paths.has(`${folder}config.json`)) return false
  if (!source.paths.has(`${folder}open_clip_config.json`)) return true
  const config = parse(await source.read(`${folder}config.json`), source, `${folder}config.json`)
  return typeof config.model_type === 'string' && families.has(config.model_type.replace(/_(?:vision|text)_model$/, ''))
}

async function shards(source: FileSource, folder: string, index: string): Promise<string[]> {
  const { weight_map: map } = parse(await source.read(index), source, index)
  const names = typeof map === 'object' && map !== null ? [...new Set(Object.values(map))] : []
  const files = names.map(name => (typeof name === 'string' ? folder + name : ''))
  const absent = files.find(file => !source.paths.has(file))
  if (files.length === 0 || absent !== undefined) {
    throw new ClipError(
      'ERR_CLIP_HUB_FILES',
      `${source.name}: ${index}: expected the names of files beside it, found ${
        files.length === 0 ? 'none' : `'${absent}'`
      }`,
    )
  }
  return files
}

/** A requested file, with the files that belong to it; a GGUF file needs none. */
function chosenFile({ name, paths }: FileSource, file: string): Selection {
  if (file.endsWith('.gguf')) return { files: [file], entry: file, tokenizer: true }
  if (!/\.(?:safetensors|bin|pt|pth)$/.test(file)) {
    throw new ClipError(
      'ERR_CLIP_HUB_FILES',
      `${name}: '${file}' is not a file of weights: expected .gguf, .safetensors, .bin or .pt`,
    )
  }
  const rest = companions(paths, /^.*\//.exec(file)?.[0] ?? '')
  return { ...rest, files: [...rest.files, file], entry: file }
}

function ggufFile({ name, paths }: FileSource, wanted: string | undefined): Selection {
  const all = [...paths].filter(path => path.endsWith('.gguf')).sort()
  const fitting = all.filter(path => path.toLowerCase().includes((wanted ?? '').toLowerCase()))
  if (fitting.length === 1) return chosenFile({ name, paths, read: () => Promise.resolve('') }, fitting[0]!)
  const listed = (files: string[]): string =>
    files.slice(0, 12).map(file => `'${file}'`).join(', ') + (files.length > 12 ? ', ...' : '')
  if (fitting.length > 1) {
    throw new ClipError(
      'ERR_CLIP_HUB_FILES',
      `${name} holds ${listed(fitting)}: choose one by putting ':' and its name, or a part of it, after the model's`,
    )
  }
  const expected = wanted === undefined
    ? 'config.json or open_clip_config.json with model.safetensors or open_clip_model.safetensors, or a .gguf file'
    : `'${wanted}'`
  const found = all.length > 0 ? all : [...paths].sort()
  throw new ClipError(
    'ERR_CLIP_HUB_FILES',
    `${name}: expected ${expected}, found ${found.length === 0 ? 'no file' : listed(found)}`,
  )
}

/** Of a text model of sentence-transformers: the list of its modules, and those behind the transformer. */
function sentenceModules(paths: ReadonlySet<string>, folder: string): string[] {
  const root = [folder, folder.replace(/[^/]+\/$/, '')].find(place => paths.has(`${place}modules.json`))
  if (root === undefined) return []
  const behind = [...paths].filter(name => name.startsWith(root)).map(name => name.slice(root.length))
    .filter(name => /^\d+_(?:Pooling|Dense)\/(?:config\.json|model\.safetensors|pytorch_model\.bin)$/.test(name))
  if (behind.length === 0) return []
  const once = behind.filter(name =>
    !name.endsWith('.bin') || !behind.includes(name.replace('pytorch_model.bin', 'model.safetensors'))
  )
  const own = [`${folder}sentence_bert_config.json`].filter(name => paths.has(name))
  return [`${root}modules.json`, ...own, ...once.map(name => root + name)]
}

/** Configuration and tokenizer that belong to weights. */
function companions(paths: ReadonlySet<string>, folder: string): { files: string[]; tokenizer: boolean } {
  const layout = layoutOf(paths, folder)
  const from = (place: string, names: readonly string[]): string[] =>
    names.map(name => place + name).filter(name => paths.has(name))
  const tokenizer = tokenizerFiles.find(names => names.every(name => paths.has(layout.tokenizer + name))) ?? []
  const files = [
    ...from(folder, configs),
    ...from(layout.processor, processorConfigs),
    ...from(layout.tokenizer, [...tokenizer, ...tokenizerConfigs]),
    ...sentenceModules(paths, folder),
  ]
  return { files: [...new Set(files)], tokenizer: tokenizer.length > 0 }
}

function parse(text: string, { name }: FileSource, path: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch {
    // reported below
  }
  throw new ClipError('ERR_CLIP_HUB_FILES', `${name}: ${path}: expected a JSON object`)
}
