/** `ggclip serve` as a process: start, SIGTERM with requests in work, SIGKILL and start again. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { base64, root, until } from './support'

const main = path.join(root, 'dist', 'cli', 'main.js')

interface Serving {
  child: ChildProcess
  url: string
  port: number
  log(): any[]
  stderr(): string
  ended: Promise<{ code: number | null; signal: string | null }>
}

const children = new Set<ChildProcess>()
afterAll(() => children.forEach(child => child.kill('SIGKILL')))

async function serve(args: string[] = [], env: Record<string, string> = {}): Promise<Serving> {
  const child = spawn(process.execPath, [main, 'serve', '--port', '0', '--threads', '1', '--json', ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  children.add(child)
  let [out, err] = ['', '']
  child.stdout.on('data', chunk => {
    out += chunk
  })
  child.stderr.on('data', chunk => {
    err += chunk
  })
  const ended = new Promise<{ code: number | null; signal: string | null }>(resolve =>
    void child.on('close', (code, signal) => resolve({ code, signal }))
  )
  await until(() => out.includes('\n') || child.exitCode !== null, 20_000)
  if (!out.includes('\n')) throw new Error(`ggclip serve ended with ${child.exitCode}: ${err}`)
  const { url, port } = JSON.parse(out) as { url: string; port: number }
  const log = () => err.split('\n').filter(line => line.startsWith('{')).map(line => JSON.parse(line))
  return { child, url, port, log, stderr: () => err, ended }
}

const embed = (url: string, body: object, headers = {}) =>
  fetch(`${url}/v1/embeddings`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
const images = (count: number) => ({ input: Array.from({ length: count }, () => ({ image: base64('rocket.png') })) })

describe('ggclip serve', () => {
  test('SIGTERM: requests in work are finished, new ones refused, exit status 0', async () => {
    const { child, url, ended, log } = await serve()
    const slow = embed(url, images(120))
    await until(async () =>
      (await (await fetch(`${url}/metrics`)).text()).includes('ggclip_admitted_inputs{model="emoji-clip"} 120')
    )
    child.kill('SIGTERM')
    await until(async () => embed(url, { input: 'late' }).then(({ status }) => status === 503, () => true))
    const response = await slow
    expect(response.status).toBe(200)
    expect(((await response.json()) as { data: unknown[] }).data).toHaveLength(120)
    expect(await ended).toEqual({ code: 0, signal: null })
    expect(log().map(({ msg }) => msg)).toEqual(
      expect.arrayContaining(['model loaded', 'ready', 'request', 'model unloaded']),
    )
    await expect(fetch(url)).rejects.toThrow()
  })

  test('SIGTERM: a request on a connection that is kept gets 503 with a code', async () => {
    const { child, port, url, ended } = await serve()
    const slow = embed(url, images(120))
    const socket = net.connect(port, '127.0.0.1')
    const body = JSON.stringify({ input: 'late' })
    // the head of a request is on its way when the signal comes, so that its connection is not idle
    socket.write(
      `POST /v1/embeddings HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n`,
    )
    await until(async () =>
      (await (await fetch(`${url}/metrics`)).text()).includes('ggclip_admitted_inputs{model="emoji-clip"} 120')
    )
    child.kill('SIGTERM')
    await until(() => fetch(`${url}/healthz`).then(() => false, () => true))
    socket.write(`\r\n${body}`)
    let answer = ''
    socket.on('data', chunk => {
      answer += chunk.toString()
    })
    await until(() => answer.includes('\r\n\r\n'))
    expect(answer).toMatch(/^HTTP\/1.1 503/)
    expect(answer).toMatch(/connection: close/i)
    await until(() => answer.includes('ERR_CLIP_SERVER_CLOSING'))
    expect((await slow).status).toBe(200)
    expect(await ended).toEqual({ code: 0, signal: null })
  })

  test('drainMs over: what is still in work is stopped with 503; connections that dawdle do not hold it up', async () => {
    const { child, url, port, ended } = await serve(['--drain-ms', '50', '--max-inputs', '2000', '--max-queue', '5000'])
    const idle = net.connect(port, '127.0.0.1')
    const half = net.connect(port, '127.0.0.1')
    for (const socket of [idle, half]) socket.on('error', () => undefined)
    half.write(
      'POST /v1/embeddings HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{"input":',
    )
    const slow = embed(url, images(500)).then(async response => ({
      status: response.status,
      body: await response.json() as any,
    }))
    await until(async () =>
      (await (await fetch(`${url}/metrics`)).text()).includes('ggclip_admitted_inputs{model="emoji-clip"} 192')
    )
    child.kill('SIGTERM')
    expect(await slow).toMatchObject({ status: 503, body: { error: { code: 'ERR_CLIP_SERVER_CLOSING' } } })
    expect(await ended).toEqual({ code: 0, signal: null })
  })

  test('Ctrl-C does the same, with the status of an interruption', async () => {
    const { child, ended } = await serve()
    child.kill('SIGINT')
    expect(await ended).toEqual({ code: 130, signal: null })
  })

  test('killed, and started again on the same port: there at once, same numbers', async () => {
    const first = await serve()
    const numbers = async (url: string) =>
      ((await (await embed(url, { input: 'a pizza' })).json()) as any).data[0].embedding as number[]
    const before = await numbers(first.url)
    const hanging = embed(first.url, images(120)).catch((error: unknown) => error)
    first.child.kill('SIGKILL')
    expect(await first.ended).toEqual({ code: null, signal: 'SIGKILL' })
    expect(await hanging).toHaveProperty('message')
    const second = await serve(['--port', String(first.port)])
    expect(await numbers(second.url)).toEqual(before)
    second.child.kill('SIGTERM')
    expect((await second.ended).code).toBe(0)
  })

  test('a second server on the same port: status 1 and a code, and the first goes on', async () => {
    const first = await serve()
    const second = spawn(process.execPath, [main, 'serve', '--port', String(first.port), '--log-level', 'silent'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    children.add(second)
    let err = ''
    second.stderr.on('data', chunk => {
      err += chunk
    })
    expect(await new Promise(resolve => void second.on('close', resolve))).toBe(1)
    expect(err).toMatch(/EADDRINUSE.*ERR_CLIP_SERVER_LISTEN/)
    expect((await embed(first.url, { input: 'a' })).status).toBe(200)
    first.child.kill('SIGTERM')
    expect((await first.ended).code).toBe(0)
  })

  test('keys from a file and from the environment; logs have ids and no secrets', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'ggclip-serve-'))
    const file = path.join(folder, 'keys')
    writeFileSync(file, '# who  key  limit\n\nshop  shop-secret-00000001  2\nadmin admin-secret-0000001\n')
    try {
      const { url, child, ended, log, stderr } = await serve(['--api-keys-file', file])
      const as = (key: string) => ({ authorization: `Bearer ${key}`, 'x-request-id': 'trace-7' })
      expect((await embed(url, { input: 'a' })).status).toBe(401)
      const statuses = []
      for (let i = 0; i < 3; i++)
        statuses.push((await embed(url, { input: 'very private text' }, as('shop-secret-00000001'))).status)
      expect(statuses).toEqual([200, 200, 429])
      expect((await embed(url, { input: 'a' }, as('admin-secret-0000001'))).status).toBe(200)
      child.kill('SIGTERM')
      await ended
      expect(log()).toEqual(
        expect.arrayContaining([
          expect.objectContaining({
            msg: 'request',
            reqId: 'trace-7',
            client: 'shop',
            status: 429,
            code: 'ERR_CLIP_RATE_EXCEEDED',
          }),
        ]),
      )
      expect(stderr()).not.toMatch(/secret|private/)
    } finally {
      rmSync(folder, { recursive: true })
    }
    const { url, child, ended } = await serve([], { GGCLIP_API_KEYS: 'environment-secret-1, environment-secret-2' })
    expect((await embed(url, { input: 'a' })).status).toBe(401)
    expect((await embed(url, { input: 'a' }, { authorization: 'Bearer environment-secret-2' })).status).toBe(200)
    child.kill('SIGTERM')
    expect((await ended).code).toBe(0)
  })

  test.each<[string, string[], number, string]>([
    ['a bad option', ['--prot', '1'], 2, 'ERR_CLIP_UNKNOWN_OPTION'],
    ['a bad value', ['--preload', 'some'], 2, 'ERR_CLIP_OUT_OF_RANGE'],
    ['a model that is not there', ['--model', 'no/such.gguf'], 1, "no model at 'no/such.gguf'"],
    ['two models of one name', ['--model', 'a/m.gguf', '--model', 'b/m.gguf'], 2, "'m'"],
    ['a keys file that is not there', ['--api-keys-file', 'no/such/file'], 1, 'ERR_CLIP_FILE_NOT_FOUND'],
    ['a load option that is none', ['--dtype', 'int3'], 1, "'q8_0'"],
  ])('%s', async (_, args, status, words) => {
    const child = spawn(process.execPath, [main, 'serve', '--port', '0', '--log-level', 'silent', ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    children.add(child)
    let err = ''
    child.stderr.on('data', chunk => {
      err += chunk
    })
    const code = await new Promise(resolve => void child.on('close', resolve))
    expect([code, err]).toEqual([status, expect.stringContaining(words)])
  })
})
