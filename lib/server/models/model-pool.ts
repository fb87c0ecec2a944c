/** The models of a server, by name. */
import { ClipError } from '../../errors.js'
import { Clip, type TraceEvent } from '../../library.js'
import type { ServerSettings } from '../options.js'
import { about } from '../output/failures.js'
import type { ServedModel } from '../types.js'
import { ModelSlot, type SlotEnvironment } from './model-slot.js'

/** Called for each batch and each decoded image. */
export type Tracer = (model: string, event: TraceEvent) => void

/** An empty setting, and infinity's name for no model. */
const unnamed: readonly string[] = ['', 'default/not-specified']

export class ModelPool {
  readonly slots: ReadonlyMap<string, ModelSlot>

  constructor(
    settings: Pick<ServerSettings, 'models' | 'unloadAfterMs' | 'maxQueue'>,
    environmentOf: (name: string) => SlotEnvironment,
  ) {
    this.slots = new Map(
      [...settings.models].map(([name, served]) => [name, new ModelSlot(name, served, environmentOf(name), settings)]),
    )
  }

  /** @param name undefined, or the clients' placeholders: the first. @throws {ClipError} ERR_CLIP_MODEL_UNKNOWN */
  get(name: string | undefined): ModelSlot {
    const slot = name === undefined || unnamed.includes(name) ? this.slots.values().next().value : this.slots.get(name)
    if (slot) return slot
    throw about(
      'model',
      new ClipError(
        'ERR_CLIP_MODEL_UNKNOWN',
        `unknown model '${name?.slice(0, 80)}': GET /v1/models lists the available ones`,
      ),
    )
  }

  /**
   * Refuses a request with only its client known, if no model has room for it.
   *
   * @throws {ClipError} ERR_CLIP_QUEUE_FULL
   */
  checkRoom(client: string, arriving: { all: number; own: number }): void {
    const refusals = [...this.slots.values()].map(({ admission }) => admission.refusal(client, 1, arriving))
    if (!refusals.includes(undefined)) throw refusals[0]
  }

  /** Loads the models to preload. */
  async preload(which: 'none' | 'first' | 'all', signal: AbortSignal): Promise<void> {
    const slots = [...this.slots.values()].slice(0, which === 'all' ? Infinity : Number(which === 'first'))
    for (const slot of slots) await slot.use(signal, () => Promise.resolve())
  }

  /** Cancels all loading; requests that wait for a model are refused. */
  stopLoading(): void {
    for (const slot of this.slots.values()) slot.stopLoading()
  }

  async close(): Promise<void> {
    await Promise.all([...this.slots.values()].map(slot => slot.close()))
  }
}

/** Loads like `Clip.load`, then runs an image and a text, so that the first request finds everything ready. */
export async function loadServed(
  { source, dimensions: _, ...options }: ServedModel,
  settings: Pick<ServerSettings, 'warmUp' | 'maxPixels' | 'maxDecodeMs' | 'svg' | 'maxQueue' | 'maxInputs'>,
  onTrace: (event: TraceEvent) => void,
  signal?: AbortSignal,
): Promise<Clip> {
  const clip = await Clip.load(source, {
    // the server admits inputs itself; a label may need several prompts
    ...options,
    maxPixels: settings.maxPixels,
    maxDecodeMs: settings.maxDecodeMs,
    svg: settings.svg,
    maxQueue: 2 * settings.maxQueue + settings.maxInputs,
    onTrace,
    signal,
  })
  if (!settings.warmUp) return clip
  try {
    const grey = { data: new Uint8Array(3).fill(128), width: 1, height: 1, channels: 3 as const }
    if (clip.info.vision) await clip.encodeImage(grey, { signal })
    if (clip.info.text) await clip.encodeText('a photo', { signal })
    return clip
  } catch (error) {
    await clip.dispose()
    throw error
  }
}
