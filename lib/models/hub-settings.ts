/** The hub's address, token and cache folder, from the environment variables of the hub's own client. */
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import path from 'node:path'

import { ClipError, outOfRange } from '../errors.js'
import { checkBoolean, checkFunction, checkSignal, checkString } from '../validate.js'
import type { PullProgress } from './progress.js'
import { proxyChoice, type ProxyChoice } from './proxy.js'

type Environment = Readonly<Record<string, string | undefined>>

/** Options for the hub, of {@link pull} and of {@link Clip.load}, which may download. */
export interface HubOptions {
  /** The hub's cache folder. Default: HF_HUB_CACHE, HF_HOME/hub, XDG_CACHE_HOME/huggingface/hub, ~/.cache/huggingface/hub. */
  cacheDir?: string
  /** Make no requests: a model that is not in the cache fails. Default: HF_HUB_OFFLINE. */
  offline?: boolean
  /** Called with the progress of a download, at most ten times a second. An exception in it ends the download. */
  onProgress?: (progress: PullProgress) => void
  /** Cancels the download; the received part is kept, and the next download resumes from it. */
  signal?: AbortSignal
}

/** How often and with what pauses a failed request is repeated. */
export interface RetryPolicy {
  /** Failures in a row after which the call fails; progress resets the count. */
  attempts: number
  /** First pause; each further one is twice as long, up to `maxPauseMs`. */
  pauseMs: number
  maxPauseMs: number
  /** The longest pause that a server may request; a longer one fails the call. */
  maxServerPauseMs: number
}

export interface HubSettings {
  /** Without a trailing slash. */
  endpoint: string
  token: string | undefined
  cacheDir: string
  offline: boolean
  /** A connection counts as broken after this time without data. */
  idleMs: number
  retry: RetryPolicy
  proxyOf: ProxyChoice
}

const defaultEndpoint = 'https://huggingface.co'
const defaultIdleMs = 30_000
const retry: RetryPolicy = { attempts: 5, pauseMs: 400, maxPauseMs: 8000, maxServerPauseMs: 120_000 }

/** Selects the hub's options among others. */
export function checkHubOptions(given: HubOptions): HubOptions {
  return {
    cacheDir: given.cacheDir === undefined ? undefined : checkString('cacheDir', given.cacheDir),
    offline: given.offline === undefined ? undefined : checkBoolean('offline', given.offline),
    onProgress: given.onProgress === undefined ? undefined : checkFunction('onProgress', given.onProgress),
    signal: checkSignal('signal', given.signal),
  }
}

/** `given`: the call's options, which take precedence over the environment. */
export async function hubSettings(
  given: { cacheDir?: string; offline?: boolean },
  env: Environment = process.env,
): Promise<HubSettings> {
  return {
    endpoint: endpoint(env.HF_ENDPOINT),
    token: await token(env),
    cacheDir: cacheDir(env, given.cacheDir),
    offline: given.offline ?? (isTrue(env.HF_HUB_OFFLINE) || isTrue(env.TRANSFORMERS_OFFLINE)),
    idleMs: idleMs(env.HF_HUB_DOWNLOAD_TIMEOUT),
    retry,
    proxyOf: proxyChoice(env),
  }
}

/** The hub's cache folder: HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME/hub, XDG_CACHE_HOME/huggingface/hub, ~/.cache/... */
function cacheDir(env: Environment, given: string | undefined): string {
  const folder = given || env.HF_HUB_CACHE || env.HUGGINGFACE_HUB_CACHE
  const place = folder ? expandHome(folder) : below(hubHome(env), 'hub')
  if (place !== undefined) return path.resolve(place)
  throw new ClipError(
    'ERR_CLIP_FILE_WRITE',
    "no place for the hub's cache, since this user has no home folder: set HF_HOME (or HOME), or give cacheDir (--cache-dir)",
  )
}

/** undefined: there is no home folder for it. */
function hubHome(env: Environment): string | undefined {
  if (env.HF_HOME) return expandHome(env.HF_HOME)
  return below(expandHome(env.XDG_CACHE_HOME || '~/.cache'), 'huggingface')
}

function below(folder: string | undefined, name: string): string | undefined {
  return folder === undefined ? undefined : path.join(folder, name)
}

/** HF_TOKEN, else the file written by a login of the hub's client. */
async function token(env: Environment): Promise<string | undefined> {
  const given = env.HF_TOKEN || env.HUGGING_FACE_HUB_TOKEN
  if (given) return checkToken(given.trim(), 'HF_TOKEN')
  if (isTrue(env.HF_HUB_DISABLE_IMPLICIT_TOKEN)) return undefined
  const file = env.HF_TOKEN_PATH ? expandHome(env.HF_TOKEN_PATH) : below(hubHome(env), 'token')
  const text = file === undefined ? '' : await readFile(file, 'utf8').catch(() => '')
  return file === undefined || text.trim() === '' ? undefined : checkToken(text.trim(), file)
}

/** The token itself never appears in a message. */
function checkToken(value: string, origin: string): string | undefined {
  if (value === '') return undefined
  if (/^[\x21-\x7e]+$/.test(value)) return value
  throw new ClipError(
    'ERR_CLIP_HUB_DENIED',
    `the token in ${origin} has blanks or other characters that no token has: correct or remove it`,
  )
}

function endpoint(given: string | undefined): string {
  const value = given?.trim()
  if (!value) return defaultEndpoint
  const url = URL.canParse(value) ? new URL(value) : undefined
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    throw outOfRange('HF_ENDPOINT', 'an http or https address', value)
  if (url.search !== '' || url.hash !== '') throw outOfRange('HF_ENDPOINT', 'an address without ? and #', value)
  if (url.username !== '' || url.password !== '')
    throw outOfRange('HF_ENDPOINT', 'an address without a password (use HF_TOKEN)', url.host)
  return value.replace(/\/+$/, '')
}

function idleMs(seconds: string | undefined): number {
  const value = Number(seconds)
  return value > 0 && value < 86_400 ? 1000 * value : defaultIdleMs
}

function isTrue(value: string | undefined): boolean {
  return ['1', 'on', 'yes', 'true'].includes((value ?? '').toLowerCase())
}

/** `~/x` as a path; undefined without a home folder. */
function expandHome(value: string): string | undefined {
  return /^~(?=$|[/\\])/.test(value) ? below(home(), value.slice(1)) : value
}

/** Users of containers may have none: then Node throws, or returns an empty HOME. */
function home(): string | undefined {
  try {
    return homedir() || undefined
  } catch {
    return undefined
  }
}
