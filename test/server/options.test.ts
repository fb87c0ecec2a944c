import { Server } from '../../lib/server/index.js'
import { checkServerOptions } from '../../lib/server/options'

const unknown = 'ERR_CLIP_UNKNOWN_OPTION'
const wrongKind = 'ERR_CLIP_INVALID_ARGUMENT'
const outOfRange = 'ERR_CLIP_OUT_OF_RANGE'

test.each<[object, string, string]>([
  [{ prot: 1 }, unknown, 'port'],
  [{ port: '80' }, wrongKind, 'port'],
  [{ port: 65536 }, outOfRange, 'port'],
  [{ host: '' }, outOfRange, 'host'],
  [{ models: {} }, outOfRange, 'models'],
  [{ models: { 'a b': 'x' } }, outOfRange, 'models'],
  [{ models: { a: 5 } }, wrongKind, 'models.a'],
  [{ models: { a: { dimensions: [0] } } }, outOfRange, 'dimensions'],
  [{ models: ['a'] }, wrongKind, 'models'],
  [{ preload: 'some' }, outOfRange, 'preload'],
  [{ warmUp: 1 }, wrongKind, 'warmUp'],
  [{ unloadAfterMs: -1 }, outOfRange, 'unloadAfterMs'],
  [{ apiKeys: 'secret' }, wrongKind, 'apiKeys'],
  [{ apiKeys: ['short'] }, outOfRange, '16 characters'],
  [{ apiKeys: [{ name: 'a', key: 'x'.repeat(16) }, { name: 'a', key: 'y'.repeat(16) }] }, outOfRange,
    'different names'],
  [{ apiKeys: [{ name: 'a', secret: 'x'.repeat(16) }] }, unknown, 'secret'],
  [{ corsOrigins: '*' }, wrongKind, 'corsOrigins'],
  [{ remoteImages: { host: 'a' } }, unknown, 'hosts'],
  [{ remoteImages: 1 }, wrongKind, 'remoteImages'],
  [{ maxBodyBytes: 10 }, outOfRange, 'maxBodyBytes'],
  [{ timeoutMs: 0 }, outOfRange, 'timeoutMs'],
  [{ metrics: true }, wrongKind, 'metrics'],
  [{ logLevel: 'loud' }, outOfRange, 'logLevel'],
  [{ maxQueue: 1.5 }, outOfRange, 'maxQueue'],
  [{ trustProxy: 'yes' }, wrongKind, 'trustProxy'],
  [{ trustProxy: -1 }, outOfRange, 'trustProxy'],
])('%p', async (options, code, words) => {
  await expect(Server.start(options)).rejects.toMatchObject({ code, message: expect.stringContaining(words) as string })
})

test('a key never shows in a message', () => {
  expect(() => checkServerOptions({ apiKeys: ['my-secret'] })).toThrow(
    expect.objectContaining({ message: expect.not.stringContaining('my-secret') as string }),
  )
})

test('defaults', () => {
  expect(checkServerOptions(undefined)).toMatchObject({
    host: '127.0.0.1',
    port: 8080,
    metrics: 'open',
    remoteImages: undefined,
    apiKeys: [],
    corsOrigins: [],
  })
  expect(checkServerOptions({ apiKeys: ['x'.repeat(16)] })).toMatchObject({
    metrics: 'key',
    apiKeys: [{ name: 'key-1' }],
  })
})

test('the settings of a running server hold no secrets', async () => {
  const server = await Server.start({ port: 0, preload: 'none', apiKeys: ['a-secret-that-is-long'] })
  expect(JSON.stringify({ ...server.settings, models: [...server.settings.models] })).not.toContain('a-secret')
  await server.close()
})

test('an unknown load option of a model is found when it is loaded', async () => {
  const models = { m: { thread: 1 } as object }
  await expect(Server.start({ port: 0, models })).rejects.toMatchObject({
    code: 'ERR_CLIP_MODEL_UNAVAILABLE',
    cause: { code: unknown },
  })
})
