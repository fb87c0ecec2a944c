/** Intermediate states: which ones a call names, and its results. */
import { throwIfAborted } from '../async/abort.js'
import { outOfRange } from '../errors.js'
import { isFiniteVector, notFinite } from '../vectors/finite.js'
import type { NativeStates } from '../native/contract.js'
import type { ImageInput } from '../types.js'
import { checkBoolean, checkInteger, checkNonEmptyArray, checkOneOf, checkOptions, checkSignal, checkString,
  checkStrings, checkTexts } from '../validate.js'
import { imageName, type ImageTower } from './image-tower.js'
import type { RunningModel } from './running-model.js'

/** Options of {@link Clip.hiddenStates}: which encoder, which layers. */
export interface HiddenStatesOptions<Layer extends number | readonly number[] = number> {
  /** Layer, or several: 0 is the input of the first block, -1 the output of the last. Default -1. */
  layer?: Layer
  /** Instead of `layer`: how many of the last blocks to skip ("clip skip"); 1 is layer -2. Default: as `layer` says. */
  skip?: number
  /** Apply the tower's final norm, as Stable Diffusion does to its text conditioning. Default false. */
  norm?: boolean
  /** The encoder for `input`: a string may be a text or the path of an image. */
  tower: 'image' | 'text'
  /** Cancels the call: it rejects with the signal's reason. */
  signal?: AbortSignal
}

type IntermediatesOptions = { tower: 'image' | 'text'; names?: readonly string[]; signal?: AbortSignal }

/** Per-token states of one layer, row-major [tokens][width]. */
export interface HiddenStates {
  /** `tokens * width` values. */
  data: Float32Array
  /** Rows: for a text its context length, plus one if the model adds a class token; for an image its patches and, if the model has one, the class token. */
  tokens: number
  /** Values per row. */
  width: number
}

/**
 * The names of the states that {@link Clip.hiddenStates} returns; `layersOf`: the number of a tower's blocks.
 *
 * @throws {TypeError|RangeError}
 */
export function checkHiddenStatesOptions(
  options: HiddenStatesOptions<number | readonly number[]>,
  layersOf: (tower: 'vision' | 'text') => number,
): { tower: 'image' | 'text'; names: string[]; several: boolean; signal: AbortSignal | undefined } {
  const { norm = false, signal, ...given } = checkOptions('options', options, ['layer', 'skip', 'norm', 'tower',
    'signal'])
  const tower = checkOneOf('tower', given.tower, ['image', 'text'])
  const prefix = tower === 'image' ? 'vision' : 'text'
  const { numbers, several } = checkLayers(given, layersOf(prefix))
  const kind = checkBoolean('norm', norm) ? 'normed' : 'hidden'
  return { tower, names: numbers.map(layer => `${prefix}.${kind}.${layer}`), several, signal }
}

/** {@link Clip.intermediates}: in a session of its own. */
export async function statesOf(
  model: RunningModel,
  images: ImageTower,
  input: ImageInput,
  options: IntermediatesOptions,
): Promise<Record<string, HiddenStates>> {
  const { tower, names, signal } = checkIntermediatesOptions(options)
  throwIfAborted(signal)
  if (tower === 'text') {
    const text = checkString('text', input, { empty: true })
    model.needOpen()
    const ids = model.needTextTower().tokenizer.encodePadded(checkTexts(text))
    return checkStates(model.name, 'text', await model.onOwnSession(session => session.textStates(ids, names), signal))
  }
  model.needTower('vision')
  const image = await images.decode(input, { signal })
  return checkStates(
    model.name,
    imageName('image', input),
    await model.onOwnSession(session => session.imageStates(image, names), signal),
  )
}

/** @throws {TypeError|RangeError} */
function checkIntermediatesOptions(
  options: IntermediatesOptions,
): { tower: 'image' | 'text'; names: string[]; signal: AbortSignal | undefined } {
  const { tower, names = [], signal } = checkOptions('options', options, ['tower', 'names', 'signal'])
  return {
    tower: checkOneOf('tower', tower, ['image', 'text']),
    names: checkStrings('names', names),
    signal: checkSignal('signal', signal),
  }
}

/**
 * Layers counted from the front, 0 to `layers`.
 *
 * @param given `layer`: one or several, negative ones from the back; `skip`: the number of last blocks to skip
 * @throws {TypeError|RangeError} not integers, out of range, none, or both
 */
function checkLayers(
  { layer, skip }: { layer?: number | readonly number[]; skip?: number },
  layers: number,
): { numbers: number[]; several: boolean } {
  if (skip !== undefined) {
    if (layer !== undefined) throw outOfRange('skip', 'no skip together with layer', skip)
    return { numbers: [layers - checkInteger('skip', skip, { min: 0, max: layers })], several: false }
  }
  const several = Array.isArray(layer)
  const list: readonly unknown[] = several ? checkNonEmptyArray('layer', layer as readonly number[]) : [layer ?? -1]
  const numbers = list.map((value, i) => {
    const number = checkInteger(several ? `layer[${i}]` : 'layer', value, { min: -1 - layers, max: layers })
    return number < 0 ? layers + 1 + number : number
  })
  return { numbers, several }
}

/** @throws {ClipError} ERR_CLIP_NOT_FINITE */
function checkStates(model: string, input: string, states: NativeStates): NativeStates {
  for (const [name, { data }] of Object.entries(states)) if (!isFiniteVector(data)) throw notFinite(model, input, name)
  return states
}
