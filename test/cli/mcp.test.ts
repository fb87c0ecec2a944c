/** `ggclip mcp`, with the client of the protocol's own SDK. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { getDefaultEnvironment, StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import sharp from 'sharp'

const root = path.join(__dirname, '..', '..')
const main = path.join(root, 'dist', 'cli', 'main.js')
const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-mcp-'))
const folder = path.join(scratch, 'pictures')
const names = ['rocket.png', 'pizza.webp', 'guitar.jpg']
const client = new Client({ name: 'test', version: '1' })

beforeAll(async () => {
  mkdirSync(folder)
  for (const name of names) cpSync(path.join(root, 'models', 'samples', name), path.join(folder, name))
  await sharp(path.join(root, 'models', 'samples', 'rocket.png'))
    .withExif({ IFD2: { DateTimeOriginal: '2024:05:31 23:30:00' } })
    .toFile(path.join(folder, 'rocket.png'))
  cpSync(path.join(folder, 'guitar.jpg'), path.join(folder, 'guitar-again.jpg'))
  for (const name of ['guitar.jpg', 'guitar-again.jpg']) utimesSync(path.join(folder, name), 1e9, 1e9)
  cpSync(path.join(root, 'models', 'samples', 'photo-dress.jpg'), path.join(scratch, 'secret.jpg'))
  await client.connect(
    new StdioClientTransport({
      command: process.execPath,
      args: [main, 'mcp', folder, '--threads', '1'],
      env: { ...getDefaultEnvironment(), TZ: 'America/New_York' },
    }),
  )
})
afterAll(async () => {
  await client.close()
  rmSync(scratch, { recursive: true, force: true })
})

async function call(name: string, args: Record<string, unknown>): Promise<{ isError: boolean; text: string }> {
  const { content, isError = false } = await client.callTool({ name, arguments: args })
  const [{ text }] = content as [{ text: string }]
  return { isError: isError as boolean, text }
}

test('lists its tools', async () => {
  expect(client.getServerVersion()).toMatchObject({ name: 'ggclip' })
  const { tools } = await client.listTools()
  expect(tools.map(({ name }) => name)).toEqual(['search_pictures', 'describe_picture', 'find_duplicates',
    'index_info'])
  for (const { annotations } of tools) expect(annotations).toEqual({ readOnlyHint: true, openWorldHint: false })
})

test('searches, describes, finds duplicates', async () => {
  const found = await call('search_pictures', { query: 'a rocket', k: 1 })
  expect(JSON.parse(found.text)).toEqual({
    pictures: [expect.objectContaining({ path: path.join(folder, 'rocket.png'), similarity: expect.any(Number) })],
  })
  const like = await call('search_pictures', { query: path.join(folder, 'pizza.webp'), path: '**/*.webp' })
  expect(JSON.parse(like.text)).toMatchObject({ pictures: [{ path: path.join(folder, 'pizza.webp') }] })
  // times are the camera's, whatever the zone here
  const taken = { takenAfter: '2024-05-31T23:30', takenBefore: '2024-05-31 23:31' }
  expect(JSON.parse((await call('search_pictures', { query: 'a pizza', ...taken })).text)).toMatchObject({
    pictures: [{ path: path.join(folder, 'rocket.png'), taken: '2024-05-31T23:30:00.000Z' }],
  })
  const labels = await call('describe_picture', {
    path: path.join(folder, 'guitar.jpg'),
    labels: ['a slice of pizza', 'a guitar'],
    k: 1,
  })
  expect(JSON.parse(labels.text)).toMatchObject({ labels: [{ label: 'a guitar' }] })
  const usual = await call('describe_picture', { path: path.join(folder, 'rocket.png') })
  expect((JSON.parse(usual.text) as { labels: unknown[] }).labels).toHaveLength(5)
  const copies = await call('find_duplicates', {})
  expect(JSON.parse(copies.text)).toMatchObject({
    total: 1,
    groups: [{
      keep: { path: path.join(folder, 'guitar-again.jpg') },
      others: [{ path: path.join(folder, 'guitar.jpg') }],
    }],
  })
  expect(JSON.parse((await call('index_info', {})).text)).toMatchObject({ files: 4, pictures: 3 })
})

test.each([
  ['describe_picture', { path: path.join(scratch, 'secret.jpg') }, 'is no picture of the index'],
  ['search_pictures', { query: path.join(scratch, 'secret.jpg') }, 'is no picture of the index'],
  ['describe_picture', { path: path.join(folder, '..', 'secret.jpg') }, 'is no picture of the index'],
  ['describe_picture', {}, "the argument 'path' is missing"],
  ['describe_picture', { path: 1 }, 'expected a string'],
  ['describe_picture', { path: path.join(folder, 'rocket.png'), labels: [] }, 'label'],
  ['search_pictures', { query: 'a', k: 1000 }, 'from 1 to 100'],
  ['search_pictures', { query: '' }, 'ERR_CLIP_OUT_OF_RANGE'],
  ['search_pictures', { query: 5 }, 'ERR_CLIP_INVALID_ARGUMENT'],
  ['search_pictures', { query: 'a', takenAfter: 'yesterday' }, 'expected a date'],
  ['search_pictures', { query: 'a', colour: 'red' }, "there is no argument 'colour'"],
  ['find_duplicates', { minSimilarity: 7 }, 'ERR_CLIP_OUT_OF_RANGE'],
  ['find_duplicates', { keep: 'none' }, 'ERR_CLIP_OUT_OF_RANGE'],
])('%s refuses %j in an answer', async (name, args, reason) => {
  expect(await call(name, args)).toEqual({ isError: true, text: expect.stringContaining(reason) })
})

test('an unknown tool is an error of the protocol, and a link that was put in place of a picture is not followed', async () => {
  await expect(client.callTool({ name: 'delete_everything', arguments: {} })).rejects.toThrow('there is no tool')
  const file = path.join(folder, 'rocket.png')
  rmSync(file)
  symlinkSync(path.join(scratch, 'secret.jpg'), file)
  expect(await call('describe_picture', { path: file })).toEqual({
    isError: true,
    text: expect.stringContaining('has changed since it was indexed'),
  })
})

test.each(['', '{"jsonrpc":', 'no JSON\n', `${'x'.repeat(1e6)}\n`])('ends when stdin ends after %.20j', async input => {
  const child = spawn(process.execPath, [main, 'mcp', '--index', path.join(folder, '.ggclip'), '--threads', '1'])
  child.stdin.end(input)
  const [status] = await once(child, 'close') as [number]
  expect(status).toBe(0)
})

test('without its package it says what to install', async () => {
  const hook = path.join(scratch, 'hide.cjs')
  writeFileSync(
    hook,
    `const { Module } = require('node:module')
     const original = Module._resolveFilename
     Module._resolveFilename = function (name, ...rest) {
       if (name.startsWith('@modelcontextprotocol/'))
         throw Object.assign(new Error(\`Cannot find module '\${name}'\`), { code: 'MODULE_NOT_FOUND' })
       return original.call(this, name, ...rest)
     }`,
  )
  const child = spawn(process.execPath, ['--require', hook, main, 'mcp', folder])
  let stderr = ''
  child.stderr.on('data', data => (stderr += String(data)))
  const [status] = await once(child, 'close') as [number]
  expect([status, stderr]).toEqual([1,
    expect.stringMatching(/npm install @modelcontextprotocol\/sdk.*ERR_CLIP_MCP_PARTS/s)])
})
