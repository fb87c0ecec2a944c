/** Environment variables of the hub's own client, and ids. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import path from 'node:path'

import { isSafePath, parseHubId } from '../../lib/models/hub-id'
import { hubSettings } from '../../lib/models/hub-settings'
import { failure } from './support'

const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-settings-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))
const quiet = { HF_TOKEN_PATH: path.join(scratch, 'none') }
const home = (...parts: string[]): string => path.join(homedir(), ...parts)

test.each<[Record<string, string>, string]>([
  [{}, home('.cache', 'huggingface', 'hub')],
  [{ XDG_CACHE_HOME: path.resolve('/x') }, path.resolve('/x/huggingface/hub')],
  [{ HF_HOME: path.resolve('/h'), XDG_CACHE_HOME: path.resolve('/x') }, path.resolve('/h/hub')],
  [{ HF_HOME: '~/models' }, home('models', 'hub')],
  [{ HUGGINGFACE_HUB_CACHE: path.resolve('/old'), HF_HOME: path.resolve('/h') }, path.resolve('/old')],
  [{ HF_HUB_CACHE: path.resolve('/new'), HUGGINGFACE_HUB_CACHE: path.resolve('/old') }, path.resolve('/new')],
  [{ HF_HUB_CACHE: '' }, home('.cache', 'huggingface', 'hub')],
])('the cache of %j', async (env, expected) => {
  expect((await hubSettings({}, { ...quiet, ...env })).cacheDir).toBe(expected)
})

test('an option goes before the environment', async () => {
  const env = { ...quiet, HF_HUB_CACHE: path.resolve('/env'), HF_HUB_OFFLINE: 'true' }
  expect(await hubSettings({ cacheDir: 'here', offline: false }, env)).toMatchObject({
    cacheDir: path.resolve('here'),
    offline: false,
  })
  expect(await hubSettings({}, env)).toMatchObject({ offline: true })
  expect(await hubSettings({ cacheDir: '~/models' }, env)).toMatchObject({ cacheDir: home('models') })
})

test.each([['1', true], ['ON', true], ['yes', true], ['True', true], ['0', false], ['', false], ['no', false]])(
  'HF_HUB_OFFLINE=%s',
  async (value, offline) => {
    expect((await hubSettings({}, { ...quiet, HF_HUB_OFFLINE: value })).offline).toBe(offline)
    expect((await hubSettings({}, { ...quiet, TRANSFORMERS_OFFLINE: value })).offline).toBe(offline)
  },
)

test('the token: HF_TOKEN, its file, the file of a login', async () => {
  const file = path.join(scratch, 'my-token')
  writeFileSync(file, 'hf_file\n')
  writeFileSync(path.join(scratch, 'token'), 'hf_login\n')
  const token = async (env: Record<string, string>): Promise<string | undefined> => (await hubSettings({}, env)).token
  expect(await token({ HF_TOKEN: ' hf_env ', HF_TOKEN_PATH: file })).toBe('hf_env')
  expect(await token({ HUGGING_FACE_HUB_TOKEN: 'hf_old', HF_TOKEN_PATH: file })).toBe('hf_old')
  expect(await token({ HF_TOKEN_PATH: file })).toBe('hf_file')
  expect(await token({ HF_HOME: scratch })).toBe('hf_login')
  expect(await token({ HF_HOME: scratch, HF_HUB_DISABLE_IMPLICIT_TOKEN: '1' })).toBeUndefined()
  expect(await token({ HF_HOME: path.join(scratch, 'none') })).toBeUndefined()
})

test('a token that cannot be one is refused without being told', async () => {
  const error = await failure(hubSettings({}, { HF_TOKEN: 'hf_a\r\nx: secret' }))
  expect(error.code).toBe('ERR_CLIP_HUB_DENIED')
  expect(error.message).not.toContain('secret')
})

test('the endpoint', async () => {
  const endpoint = async (value: string): Promise<string> =>
    (await hubSettings({}, { ...quiet, HF_ENDPOINT: value })).endpoint
  expect(await endpoint('')).toBe('https://huggingface.co')
  expect(await endpoint(' https://mirror.example\n')).toBe('https://mirror.example')
  expect(await endpoint('https://mirror.example/hub//')).toBe('https://mirror.example/hub')
  for (
    const value of ['mirror.example', 'ftp://mirror.example', 'https://', 'https://mirror.example/?a=b',
      'https://mirror.example/#a']
  ) expect(await failure(endpoint(value))).toMatchObject({ code: 'ERR_CLIP_OUT_OF_RANGE' })
  const error = await failure(endpoint('https://me:secret@mirror.example'))
  expect(error.code).toBe('ERR_CLIP_OUT_OF_RANGE')
  expect(error.message).not.toContain('secret')
})

test('how long silence is borne', async () => {
  expect((await hubSettings({}, { ...quiet, HF_HUB_DOWNLOAD_TIMEOUT: '7' })).idleMs).toBe(7000)
  for (const value of ['', 'x', '-1', '0'])
    expect((await hubSettings({}, { ...quiet, HF_HUB_DOWNLOAD_TIMEOUT: value })).idleMs).toBe(30_000)
})

test.each([
  ['hf:owner/name', { repo: 'owner/name', revision: 'main', wanted: undefined }],
  ['owner/name', { repo: 'owner/name', revision: 'main', wanted: undefined }],
  ['hf:Owner-1/na.me_2@v1.0', { repo: 'Owner-1/na.me_2', revision: 'v1.0', wanted: undefined }],
  ['hf:owner/name@refs/pr/3', { repo: 'owner/name', revision: 'refs/pr/3', wanted: undefined }],
  ['hf:owner/name@main:sub/m.q8_0.gguf', { repo: 'owner/name', revision: 'main', wanted: 'sub/m.q8_0.gguf' }],
  ['hf:owner/name:q8_0', { repo: 'owner/name', revision: 'main', wanted: 'q8_0' }],
])('%s is an id', (text, expected) => expect(parseHubId('id', text)).toEqual(expected))

test.each([
  'hf:',
  'hf:name',
  'hf:a/b/c',
  'hf:../x',
  'hf:a/..',
  'hf:a/b@',
  'hf:a/b@../x',
  'hf:a/b@a//b',
  'hf:a/b@-x',
  'hf:a/b:',
  'hf:a/b:../x',
  'hf:a/b:/etc/x',
  'hf:a/b:c:d',
  'hf: a/b',
  'hf:a/b c',
  'hf:a/b?x',
  'hf:a/b#x',
  'hf:a--b/c',
  'hf:.a/b',
  'hf:a/b.',
  'hf:a/%2e%2e',
  'hf:a/b\n',
])(
  '%j is none',
  text => expect(() => parseHubId('id', text)).toThrow(expect.objectContaining({ code: 'ERR_CLIP_OUT_OF_RANGE' })),
)

test('paths that stay inside', () => {
  for (const file of ['config.json', 'a/b.c', '.gitattributes', 'ü/é']) expect(isSafePath(file)).toBe(true)
  for (const file of ['', '/', '/a', 'a/', 'a//b', '..', '.', 'a/../b', 'a\\b', 'c:', 'a\0b', 'a\nb'])
    expect(isSafePath(file)).toBe(false)
})
