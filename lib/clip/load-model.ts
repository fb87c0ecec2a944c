/** From the name of a model to its weights in memory and its tokenizer. */
import { throwIfAborted, withAbort } from '../async/abort.js'
import { fromNative } from '../errors.js'
import { prepareDecoder } from '../image/image.js'
import { locateModel, type ModelLocation } from '../models/model-path.js'
import type { NativeModel } from '../native/contract.js'
import { findGpuModules, withPackageHint } from '../native/gpu-modules.js'
import { loadAddon } from '../native/load.js'
import { ownRealm } from '../native/own-realm.js'
import type { ClipTokenizer } from '../tokenizer/tokenizer.js'
import type { ClipInfo } from '../types.js'
import { computesOnCpu, loadOnFaster } from './faster-device.js'
import type { LoadSettings } from './load-options.js'
import { modelTokenizer, withTokenizerIds } from './model-tokenizer.js'

/** More would wait for memory, and the addon accepts no more. */
const maxLoadThreads = 64

export interface LoadedModel {
  readonly model: NativeModel
  readonly tokenizer: ClipTokenizer | undefined
  readonly info: Readonly<ClipInfo>
}

/** Passes the model to `use`. If that fails, or the signal aborts first, the model is disposed of. */
export async function loadModel<T>(
  source: string | undefined,
  settings: LoadSettings,
  use: (loaded: LoadedModel) => T,
): Promise<T> {
  const addon = loadAddon()
  const location = await locateModel(source, settings)
  const modules = findGpuModules(settings.device)
  const native = {
    towers: settings.towers,
    dtype: settings.dtype ?? '',
    precision: settings.precision,
    kernels: process.env.GGCLIP_CPU ?? '',
    modules,
    maxMemory: settings.maxMemory ?? 0,
    threads: Math.min(settings.cpu.threads * settings.cpu.sessions, maxLoadThreads),
    tokenizerFolder: location.tokenizerFolder,
    processorFolder: location.processorFolder,
  }
  const load = (device: LoadSettings['device']): Promise<NativeModel> =>
    withAbort(
      settings.signal,
      () => addon.loadModel(location.path, { ...native, device }),
      loaded => loaded.dispose(),
    )
  const { cpu, gpu, signal } = settings
  const loading = settings.device === 'auto'
    ? loadOnFaster({ load, key: JSON.stringify([location.path, native, cpu, gpu]), cpu, gpu, signal })
    : load(settings.device).then(model => ({ model, reason: `asked for as '${settings.device}'` }))
  if (settings.towers === 'image') prepareDecoder() // during weight packing; with both towers, images may never come
  const { model, reason } = await loading.catch((error: Error) => {
    throw withPackageHint(error, settings.device, modules)
  })
  try {
    const tokenizer = await modelTokenizer(model, model.info(), location.tokenizerFolder, settings.signal)
    throwIfAborted(settings.signal)
    return use({ model, tokenizer, info: infoOf(model, tokenizer, settings, location, reason) })
  } catch (error) {
    model.dispose()
    throwIfAborted(settings.signal)
    throw fromNative(error)
  }
}

function infoOf(
  model: NativeModel,
  tokenizer: ClipTokenizer | undefined,
  { cpu, gpu }: LoadSettings,
  location: ModelLocation,
  deviceReason: string,
): Readonly<ClipInfo> {
  const native = ownRealm(model.info())
  const { threads, sessions } = computesOnCpu(native) ? cpu : gpu
  return Object.freeze({
    ...native,
    text: withTokenizerIds(native.text, tokenizer),
    architecture: 'clip' as const,
    logitScale: Math.exp(native.logitScale),
    deviceReason,
    threads,
    sessions,
    source: native.source || location.source,
    revision: native.revision || location.revision,
  })
}
