/**
 * Where the time of one batch goes. For `ggclip bench --profile`, not part of the public contract.
 *
 * @internal
 */
import { types } from 'node:util'

import type { NativeImage, NativeNodeProfile, NativeProfile, NativeSession, NativeTask } from '../native/contract.js'
import type { ImageInput } from '../types.js'
import { checkInteger, checkOneOf, checkOptions, checkTexts } from '../validate.js'
import type { ImageTower } from './image-tower.js'
import type { RunningModel } from './running-model.js'

export interface ProfileOptions {
  tower: 'image' | 'text'
  batch: number
  runs: number
}

/** All operations of one kind and size in the graph. Times are those of one batch. */
export interface OperationProfile {
  kind: NativeNodeProfile['kind']
  /** Names of the weights, block numbers replaced by `*`; '' if there are none. */
  layer: string
  /** Type of the weights; 'i8': bytes of precision 'fast'. */
  type: string
  /** Output features, input features, tokens. */
  shape: [number, number, number]
  /** Occurrences in the graph. */
  count: number
  /** Median of the runs, milliseconds. */
  ms: number
  /** Share of its time in which threads waited for others, 0 to 1. */
  waiting: number
  /** Operations, a multiply-add counted as two; 0 if it only moves and rounds values. */
  operations: number
  /** Billions of operations per second; undefined if there are none to count. */
  gops?: number
  /** Share of this machine's peak of multiply-adds of this type, 0 to 1. */
  ofPeak?: number
}

export interface Profile {
  tower: 'image' | 'text'
  batch: number
  threads: number
  runs: number
  kernels: string
  /** Milliseconds of a batch: the operations and the rest, each the median of its runs. Shares refer to this. */
  totalMs: number
  /** The part outside the operations: inputs, outputs, starting threads. */
  otherMs: number
  /** Median of whole batches: more than `totalMs` if other processes interrupt most runs somewhere. */
  measuredMs: number
  /** Most time first; empty if plain ggml computes the model. */
  operations: OperationProfile[]
  /** Peak of all threads together by weight type, billions of operations per second, measured in the same run. */
  peaks: Record<string, number>
}

/** `batch` times the same input, in a session of its own. */
export async function profileOf(
  model: RunningModel,
  images: ImageTower,
  input: ImageInput,
  options: ProfileOptions,
): Promise<Profile> {
  const { tower, batch, runs } = checkProfileOptions(options)
  model.needTower(tower === 'image' ? 'vision' : 'text')
  const prepared = tower === 'image'
    ? await images.decode(input, {})
    : model.needTextTower().idsOf(checkTexts(input as string)[0]!)
  const native = await model.onOwnSession(session => profileOn(session, prepared, batch, runs), undefined, batch)
  return summarise(native, { tower, batch, threads: model.info.threads, kernels: model.info.kernels })
}

/** @throws {TypeError|RangeError} */
function checkProfileOptions(options: ProfileOptions): ProfileOptions {
  const { tower, batch = 1, runs = 1 } = checkOptions('options', options, ['tower', 'batch', 'runs'])
  return {
    tower: checkOneOf('tower', tower, ['image', 'text']),
    batch: checkInteger('batch', batch, { min: 1, max: 1024 }),
    runs: checkInteger('runs', runs, { min: 1, max: 10_000 }),
  }
}

/** `input`: a decoded image, or token ids. */
function profileOn(
  session: NativeSession,
  input: NativeImage | Int32Array,
  batch: number,
  runs: number,
): NativeTask<NativeProfile> {
  if (types.isInt32Array(input)) return session.profileTexts(input, batch, runs)
  return session.profileImages(new Array<NativeImage>(batch).fill(input), runs)
}

/** Sums the operations that differ only in their block. */
export function summarise(
  native: NativeProfile,
  facts: Pick<Profile, 'tower' | 'batch' | 'threads' | 'kernels'>,
): Profile {
  const groups = new Map<string, NativeNodeProfile[]>()
  for (const node of native.nodes) {
    const { kind, type, nOut, nIn, rows } = node
    const key = JSON.stringify([kind, layerName(node), type, nOut, nIn, rows])
    groups.set(key, [...groups.get(key) ?? [], node])
  }
  const operations = [...groups.values()].map(nodes => operation(nodes, facts.threads, native.peaks))
  const otherMs = median(
    native.totalMs.map((ms, run) => Math.max(0, ms - native.nodes.reduce((sum, { wallMs }) => sum + wallMs[run]!, 0))),
  )
  return {
    ...facts,
    runs: native.totalMs.length,
    totalMs: operations.reduce((sum, { ms }) => sum + ms, otherMs),
    otherMs,
    measuredMs: median(native.totalMs),
    operations: operations.sort((a, b) => b.ms - a.ms),
    peaks: Object.fromEntries(Object.entries(native.peaks).map(([type, rate]) => [type, rate / 1e9])),
  }
}

function operation(
  nodes: readonly NativeNodeProfile[],
  threads: number,
  peaks: Record<string, number>,
): OperationProfile {
  const { kind, type, nOut, nIn, rows } = nodes[0]!
  const sum = (value: (node: NativeNodeProfile) => number) => nodes.reduce((total, node) => total + value(node), 0)
  const ms = sum(node => median(node.wallMs))
  const busyMs = sum(node => median(node.busyMs))
  const operations = sum(node => node.operations)
  const rate = operations / (ms / 1000)
  const peak = peaks[type]
  return {
    kind,
    layer: layerName(nodes[0]!),
    type,
    shape: [nOut, nIn, rows],
    count: nodes.length,
    ms,
    operations,
    waiting: ms > 0 ? Math.min(1, Math.max(0, 1 - busyMs / (ms * threads))) : 0,
    ...(operations > 0 && ms > 0 && { gops: rate / 1e9, ...(peak !== undefined && { ofPeak: rate / peak }) }),
  }
}

function layerName({ layer }: NativeNodeProfile): string {
  return layer.replace(/\.weight$/, '').replace(/\.blk\.\d+\./, '.blk.*.')
}

function median(values: Float32Array): number {
  return Float32Array.from(values).sort()[values.length >> 1] ?? 0
}
