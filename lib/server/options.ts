/** The options of {@link Server}: defaults, then checks. */
import { invalidArgument, outOfRange } from '../errors.js'
import { checkBoolean, checkInteger, checkOneOf, checkOptions, checkSignal, checkString,
  checkStrings } from '../validate.js'
import { checkHostName, checkOrigin } from './guard/hosts.js'
import { type ApiKey, type Dialect, dialects, type RemoteImageOptions, type ServedModel,
  type ServerOptions } from './types.js'

const keys = [
  'host',
  'port',
  'models',
  'preload',
  'warmUp',
  'unloadAfterMs',
  'apiKeys',
  'requestsPerMinute',
  'corsOrigins',
  'allowedHosts',
  'remoteImages',
  'maxBodyBytes',
  'maxImageBytes',
  'maxPixels',
  'maxDecodeMs',
  'svg',
  'maxInputs',
  'maxQueue',
  'maxRequests',
  'timeoutMs',
  'drainMs',
  'trustProxy',
  'metrics',
  'dialects',
  'page',
  'folder',
  'index',
  'watch',
  'logLevel',
  'signal',
] as const
const remoteKeys = ['hosts', 'privateAddresses', 'timeoutMs', 'maxRedirects'] as const
const keyKeys = ['name', 'key', 'requestsPerMinute'] as const

const mebibyte = 2 ** 20
const longest = 2 ** 31 - 1 // longest delay of Node's timers
const embedded = 'emoji-clip'

/** Every option with its value. */
export type ServerSettings = ReturnType<typeof checkServerOptions>

/** @throws {TypeError|RangeError} for an unknown option or a bad value */
export function checkServerOptions(options: ServerOptions | undefined) {
  const given = checkOptions('options', options, keys)
  const apiKeys = checkKeys(given.apiKeys ?? [])
  const count = (name: keyof ServerOptions, fallback: number, min = 1, max = longest): number => (
    checkInteger(name, given[name] ?? fallback, { min, max })
  )
  return {
    host: checkString('host', given.host ?? '127.0.0.1'),
    port: count('port', 8080, 0, 65535),
    models: checkModels(given.models ?? { [embedded]: {} }),
    preload: checkOneOf('preload', given.preload ?? 'first', ['none', 'first', 'all']),
    warmUp: checkBoolean('warmUp', given.warmUp ?? true),
    unloadAfterMs: count('unloadAfterMs', 0, 0),
    apiKeys,
    requestsPerMinute: count('requestsPerMinute', 0, 0),
    corsOrigins: checkStrings('corsOrigins', given.corsOrigins ?? []).map((origin, i) =>
      checkOrigin(`corsOrigins[${i}]`, origin)
    ),
    allowedHosts: checkStrings('allowedHosts', given.allowedHosts ?? []).map((host, i) =>
      checkHostName(`allowedHosts[${i}]`, host)
    ),
    remoteImages: checkRemote(given.remoteImages ?? false),
    maxBodyBytes: count('maxBodyBytes', 32 * mebibyte, 1024),
    maxImageBytes: count('maxImageBytes', 16 * mebibyte),
    maxPixels: count('maxPixels', 2 ** 26),
    maxDecodeMs: count('maxDecodeMs', 10_000),
    svg: checkBoolean('svg', given.svg ?? false),
    maxInputs: count('maxInputs', 2048),
    maxQueue: count('maxQueue', 1024),
    maxRequests: count('maxRequests', 512),
    timeoutMs: count('timeoutMs', 30_000),
    drainMs: count('drainMs', 20_000, 0),
    trustProxy: checkProxies(given.trustProxy ?? 0),
    metrics: checkOneOf('metrics', given.metrics ?? (apiKeys.length > 0 ? 'key' : 'open'), ['open', 'key', 'off']),
    dialects: checkDialects(given.dialects ?? dialects),
    page: checkBoolean('page', given.page ?? true),
    folder: typeof given.folder === 'string'
      ? [checkString('folder', given.folder)]
      : checkStrings('folder', given.folder ?? []),
    index: given.index === undefined ? undefined : checkString('index', given.index),
    watch: checkBoolean('watch', given.watch ?? false),
    signal: checkSignal('signal', given.signal),
    logLevel: checkOneOf('logLevel', given.logLevel ?? 'silent', ['silent', 'error', 'warn', 'info', 'debug']),
  }
}

function checkDialects(list: readonly string[]): Dialect[] {
  return checkStrings('dialects', list).map((name, i) => checkOneOf(`dialects[${i}]`, name, dialects))
}

function checkProxies(value: boolean | number): number {
  return typeof value === 'boolean' ? Number(value) : checkInteger('trustProxy', value, { min: 0, max: 16 })
}

/** `Clip.load` checks their load options. */
function checkModels(models: Readonly<Record<string, string | ServedModel>>): Map<string, ServedModel> {
  const list = Object.entries(checkOptions('models', models, Object.keys(models)))
  if (list.length === 0) throw outOfRange('models', 'at least one model', models)
  return new Map(list.map(([name, model]) => {
    if (!/^[\w][\w.:/@-]{0,127}$/.test(name))
      throw outOfRange('models', 'names of letters, digits and . _ : / @ -', name)
    if (typeof model === 'string') return [name, { source: checkString(`models.${name}`, model) }]
    if (typeof model !== 'object' || model === null)
      throw invalidArgument(`models.${name}`, 'a source or an object', model)
    for (const size of model.dimensions ?? []) checkInteger(`models.${name}.dimensions`, size, { min: 1 })
    return [name, model]
  }))
}

function checkKeys(list: readonly (string | ApiKey)[]): ApiKey[] {
  if (!Array.isArray(list)) throw invalidArgument('apiKeys', 'an array of keys', list)
  const found = list.map((entry: string | ApiKey, i) =>
    checkKey(`apiKeys[${i}]`, typeof entry === 'string' ? { name: `key-${i + 1}`, key: entry } : entry)
  )
  if (new Set(found.map(entry => entry.name)).size < found.length)
    throw outOfRange('apiKeys', 'keys with different names', list)
  return found
}

function checkKey(name: string, entry: ApiKey): ApiKey {
  const given = checkOptions(name, entry, keyKeys)
  const key = checkString(`${name}.key`, given.key)
  // keeps the key out of the message
  if (key.length < 16) throw outOfRange(`${name}.key`, 'at least 16 characters', key.length)
  const limit = given.requestsPerMinute
  return {
    name: checkString(`${name}.name`, given.name),
    key,
    requestsPerMinute: limit === undefined ? undefined : checkInteger(`${name}.requestsPerMinute`, limit, { min: 0 }),
  }
}

function checkRemote(value: boolean | RemoteImageOptions): Required<RemoteImageOptions> | undefined {
  if (value === false) return undefined
  const given = checkOptions('remoteImages', value === true ? {} : value, remoteKeys)
  return {
    hosts: checkStrings('remoteImages.hosts', given.hosts ?? []),
    privateAddresses: checkBoolean('remoteImages.privateAddresses', given.privateAddresses ?? false),
    timeoutMs: checkInteger('remoteImages.timeoutMs', given.timeoutMs ?? 10_000, { min: 1, max: longest }),
    maxRedirects: checkInteger('remoteImages.maxRedirects', given.maxRedirects ?? 3, { min: 0, max: 20 }),
  }
}
