/** docs/server.md is true: its examples run, what it names exists. */
import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'

import { ClipError, errorCodes } from '../../lib/errors'
import type { Server } from '../../lib/server/index.js'
import { failureOf } from '../../lib/server/output/failures'
import { checkServerOptions } from '../../lib/server/options'
import { get, post, root, start, until } from './support'

const run = promisify(execFile)
const manual = readFileSync(path.join(root, 'docs', 'server.md'), 'utf8')
const readme = readFileSync(path.join(root, 'README.md'), 'utf8')
const main = path.join(root, 'dist', 'cli', 'main.js')

const blocks = (text: string, language: string): string[] =>
  [...text.matchAll(/```(\w+)\n([\s\S]*?)```/g)].filter(match => match[1] === language).map(match => match[2]!)

let server: Server
const index = mkdtempSync(path.join(tmpdir(), 'ggclip-docs-'))
beforeAll(async () => {
  server = await start({ folder: path.join(root, 'models', 'samples'), index })
  await until(async () => (await get(server, '/gallery')).body.state === 'ready')
})
afterAll(() => rmSync(index, { recursive: true, force: true }))

test('the curl examples answer 200', async () => {
  const commands = [...blocks(manual, 'sh'), ...blocks(readme, 'sh')].join('').split('\n').filter(line =>
    line.startsWith('curl ')
  )
  expect(commands.length).toBeGreaterThanOrEqual(6)
  for (const command of commands) {
    const line = command.replaceAll('localhost:8080', `127.0.0.1:${server.port}`).replace(
      /^curl/,
      "curl -s -w '%{http_code}' -o /dev/null",
    ).replaceAll('node_modules/ggclip/', '') // where readers have installed it
    expect([command, (await run('sh', ['-c', line], { cwd: root })).stdout]).toEqual([command, '200'])
  }
})

test('the code examples print what they say', async () => {
  const examples = blocks(manual, 'js')
  expect(examples).toHaveLength(2)
  for (const code of examples) {
    const expected = [...code.matchAll(/console\.log\(.*\) \/\/ (.*)/g)].map(([, words]) => words)
    expect(expected.length).toBeGreaterThan(0)
    const script = code.replace('127.0.0.1:8080', `127.0.0.1:${server.port}`)
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], { cwd: root })
    expect(stdout.trim().split('\n')).toEqual(expected)
  }
})

test("options: the manual's exist, every one of the command is in it, and every option of Server.start is one of the command", () => {
  const help = execFileSync(process.execPath, [main, 'serve', '--help'], { encoding: 'utf8' })
  const known = new Set([...help.matchAll(/(--[a-z][\w-]*)/g)].map(([name]) => name))
  const own = manual.replace(/.*docker build.*/g, '') // whose options are docker's
  for (const [option] of own.matchAll(/(?<=[\s`])--[a-z][\w-]*/g)) expect([...known]).toContain(option)
  known.delete('--help')
  for (const option of known) expect([option, new RegExp(`${option}(?![\\w-])`).test(manual)]).toEqual([option, true])
  const flags: Record<string, string> = {
    models: '--model',
    apiKeys: '--api-keys-file',
    corsOrigins: '--cors-origin',
    warmUp: '--no-warm-up',
    page: '--no-page',
  }
  // a signal is what the command makes of SIGTERM
  for (const name of Object.keys(checkServerOptions(undefined)).filter(option => option !== 'signal')) {
    expect([...known]).toContain(flags[name] ?? `--${name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`)
  }
})

test('metrics and routes that the manual names are there', async () => {
  await post(server, '/v1/embeddings', { input: 1 })
  const metrics = (await get(server, '/metrics')).body as string
  for (const [name] of manual.matchAll(/\b(?:ggclip|nodejs)_[a-z0-9_]+[a-z0-9]/g)) expect(metrics).toContain(name)
  for (const [, name] of metrics.matchAll(/^# TYPE (ggclip_\w+)/gm))
    expect([name, manual.includes(`\`${name}`)]).toEqual([name, true])
  for (const route of Object.keys((await get(server, '/openapi.json')).body.paths as object)) {
    expect([route, manual.includes(`${route}\``)]).toEqual([route, true])
  }
  for (const [, route] of manual.matchAll(/`GET (\/[\w/.]*)`/g)) {
    if (route === '/' || route === undefined) continue
    expect([route, (await get(server, route.replace('NAME', 'emoji-clip'))).status]).toEqual([route, 200])
  }
})

test('every code stands beside its status', () => {
  const rows = [...manual.matchAll(/^\| (\d{3}) \|.*\| ([^|]+) \|$/gm)].map(([, status, codes]) => ({
    status: Number(status),
    codes: [...codes!.matchAll(/`([A-Z_]+)`/g)].map(([, code]) => `ERR_CLIP_${code}`),
  }))
  const statusesOf = (code: string): number[] =>
    rows.filter(({ codes }) => codes.includes(code)).map(({ status }) => status)
  for (const code of errorCodes) {
    const { status } = failureOf(new ClipError(code, 'a message'))
    if (status !== 500) expect([code, statusesOf(code).includes(status)]).toEqual([code, true])
  }
  for (const { status, codes } of rows) {
    for (const code of codes) {
      const unknownFormat = code === 'ERR_CLIP_IMAGE_DECODE' && status === 415
      const message = unknownFormat ? 'image cannot be decoded: it is a PDF; JPEG and PNG can be read' : 'a message'
      expect([code, failureOf(new ClipError(code as never, message)).status]).toEqual([code, status])
    }
  }
})

test('defaults are those of the code', () => {
  const settings = checkServerOptions(undefined)
  expect(manual).toContain(`| \`--max-requests\` | ${settings.maxRequests} requests`)
  expect(manual).toContain(`| \`--max-queue\` | ${settings.maxQueue} inputs`)
  expect(manual).toContain(`| \`--max-inputs\` | ${settings.maxInputs} inputs`)
  expect(manual).toContain(`${settings.maxBodyBytes / 2 ** 20} MiB, ${settings.maxImageBytes / 2 ** 20} MiB`)
  expect(manual).toContain(`| \`--timeout-ms\` | ${settings.timeoutMs} for`)
  expect(manual).toContain(`\`--drain-ms\` (${settings.drainMs / 1000} s)`)
  expect(Math.floor(settings.maxPixels / 1e6)).toBe(67)
})

test.each(['index', 'server/index'])('importing dist/%s.js loads nothing of serving or indexing', async name => {
  const script = `require('./dist/${name}.js')
    const loaded = Object.keys(require.cache).filter(file => /node_modules.(fastify|@fastify|pino|prom-client|ipaddr\\.js|picomatch|exif-reader)\\b/.test(file))
    console.log(JSON.stringify(loaded))`
  const { stdout } = await run(process.execPath, ['-e', script], { cwd: root })
  expect(JSON.parse(stdout)).toEqual([])
})
