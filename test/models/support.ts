/** A hub, an empty cache and quick retries for each test. */
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { fetchModel, type FetchOptions, type PullResult } from '../../lib/models/fetch-model'
import { parseHubId } from '../../lib/models/hub-id'
import { hubSettings, type HubSettings } from '../../lib/models/hub-settings'
import { FakeHub } from '../helpers/fake-hub'

export const quickRetries = { attempts: 3, pauseMs: 2, maxPauseMs: 4, maxServerPauseMs: 1500 }

/** Bytes that compress badly and differ everywhere. */
export function noise(length: number, seed = 'a'): Buffer {
  const blocks = Array.from(
    { length: Math.ceil(length / 64) },
    (_, i) => createHash('sha512').update(`${seed}${i}`).digest(),
  )
  return Buffer.concat(blocks).subarray(0, length)
}

export const weights = noise(300_000)
export const checkpoint: Record<string, Buffer | string> = {
  'README.md': '# not needed',
  'config.json': '{"model_type":"clip"}',
  'preprocessor_config.json': '{}',
  'tokenizer.json': '{"model":{}}',
  'vocab.json': '{}',
  'merges.txt': '',
  'tf_model.h5': noise(20_000, 'tf'),
  'pytorch_model.bin': noise(20_000, 'pickle'),
  'onnx/model.onnx': noise(20_000, 'onnx'),
  'model.safetensors': weights,
}
export const needed = ['config.json', 'preprocessor_config.json', 'tokenizer.json', 'model.safetensors']

export class Bench {
  hub!: FakeHub
  cacheDir!: string
  readonly #scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-models-'))
  #count = 0

  constructor() {
    beforeAll(async () => {
      this.hub = await FakeHub.start()
    })
    beforeEach(() => {
      this.cacheDir = path.join(this.#scratch, String(this.#count++))
      this.hub.trouble = () => undefined
      this.hub.requests.length = 0
    })
    afterAll(async () => {
      await this.hub.stop()
      rmSync(this.#scratch, { recursive: true, force: true })
    })
  }

  async settings(changes: Partial<HubSettings> = {}): Promise<HubSettings> {
    const env = {
      HF_ENDPOINT: this.hub.endpoint,
      HF_HUB_CACHE: this.cacheDir,
      HF_TOKEN_PATH: path.join(this.cacheDir, 'no-token'),
    }
    return { ...await hubSettings({}, env), idleMs: 2000, retry: quickRetries, ...changes }
  }

  async fetch(id: string, options: FetchOptions = {}, changes: Partial<HubSettings> = {}): Promise<PullResult> {
    return fetchModel(parseHubId('id', id), await this.settings(changes), options)
  }

  /** Files of the cache that are neither links nor complete: '.incomplete' ones, locks, what was being made. */
  leftovers(): string[] {
    if (!existsSync(this.cacheDir)) return []
    const all = readdirSync(this.cacheDir, { recursive: true, withFileTypes: true })
    return all.filter(entry => entry.isFile() && !/[\\/](?:blobs|refs)$/.test(entry.parentPath)).map(entry =>
      entry.name
    )
      .concat(all.filter(entry => entry.name.endsWith('.incomplete')).map(entry => entry.name))
  }
}

export async function failure(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  try {
    await promise
  } catch (error) {
    return error as Error & { code?: string }
  }
  throw new Error('expected a rejection, the call succeeded')
}
