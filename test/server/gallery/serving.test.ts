/** The gallery's index: which folders it has, what of the disk is served, how it is kept up to date, and its end. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import path from 'node:path'

import { type Clip, SearchIndex } from '../../../lib/index.js'
import { Server } from '../../../lib/server/index.js'
import { failureOf } from '../../lifecycle/support'
import { dataUri, failure, get, library, post, root, sampleFile, start, until } from '../support'
import { all, beside, folderOf, newFolder, pictures, ready, served } from './support'

const names = async (server: Server, body: object = {}): Promise<string[]> =>
  (await all(server, body)).results.map(({ name }) => name)

test('links out of the folders are not shown, even with the address of their picture', async () => {
  const outside = folderOf(['rocket.png', 'sunflower.png'], 'outside')
  const inside = folderOf(['pizza.webp', 'guitar.jpg'], 'inside')
  mkdirSync(path.join(inside, 'below'))
  symlinkSync(path.join(inside, 'guitar.jpg'), path.join(inside, 'below', 'linked.jpg'))
  symlinkSync(outside, path.join(inside, 'away'))
  symlinkSync(path.join(outside, 'rocket.png'), path.join(inside, 'rocket.png'))
  // one that the link's name comes before: the picture is shown by the file that lies here
  symlinkSync(path.join(outside, 'sunflower.png'), path.join(inside, 'a.png'))
  cpSync(path.join(outside, 'sunflower.png'), path.join(inside, 'z.png'))
  const server = await served({ folder: inside })
  expect(await names(server)).toEqual(['below/linked.jpg', 'guitar.jpg', 'pizza.webp', 'z.png'])
  const nearest = (await all(server, { query: 'a rocket' })).results
  expect(nearest.map(({ name }) => name).sort()).toEqual(['below/linked.jpg', 'pizza.webp', 'z.png'])
  expect(nearest.find(({ name }) => name === 'z.png')).toMatchObject({ copies: [] })
  const index = await beside(path.join(inside, '.ggclip'))
  const { hash } = index.lookUp(path.join(inside, 'rocket.png'))! // an index follows links
  await index.close()
  for (const size of ['thumbnail', 'preview'])
    expect(await get(server, `/gallery/pictures/${hash}/${size}`)).toMatchObject(
      failure(404, 'ERR_CLIP_FILE_NOT_FOUND'),
    )
  const both = await served({ folder: [inside, outside], index: newFolder() })
  const [rocket] = (await post(both, '/gallery/search', { query: 'a rocket' })).body.results
  expect([rocket.name, ...rocket.copies].sort()).toEqual(['inside/away/rocket.png', 'inside/rocket.png',
    'outside/rocket.png'])
  expect((await get(both, `/gallery/pictures/${hash}/preview`)).status).toBe(200)

  // in the place of a file that was indexed: a link, another file, a folder
  const { results } = await all(server, {})
  const pizza = results.find(({ name }) => name === 'pizza.webp')!
  for (
    const replace of [
      (file: string) => symlinkSync(path.join(outside, 'rocket.png'), file),
      (file: string) => cpSync(path.join(outside, 'rocket.png'), file),
      (file: string) => mkdirSync(file),
    ]
  ) {
    rmSync(path.join(inside, 'pizza.webp'), { recursive: true })
    replace(path.join(inside, 'pizza.webp'))
    expect((await get(server, `/${pizza.thumbnail}`)).status).toBe(404)
  }
})

/** As it is, without the client's own tidying. */
function ask(server: Server, target: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port: server.port, path: target }, response => {
      response.resume()
      resolve(response.statusCode!)
    })
    request.on('error', reject)
    request.end()
  })
}

test('addresses are ids of pictures and nothing else', async () => {
  const server = await served({ folder: folderOf(['pizza.webp']) })
  const { id } = (await all(server, {})).results[0]!
  expect(await ask(server, `/gallery/pictures/${id}/thumbnail`)).toBe(200)
  for (
    const [target, status] of [
      [`/gallery/pictures/${'0'.repeat(64)}/thumbnail`, 404],
      [`/gallery/pictures/${id.toUpperCase()}/thumbnail`, 422],
      [`/gallery/pictures/${id}%00/thumbnail`, 422],
      [`/gallery/pictures/${id}/thumbnail/../../../../etc/passwd`, 404],
      ['/gallery/pictures/..%2f..%2f..%2fetc%2fpasswd/thumbnail', 422],
      ['/gallery/pictures/%2e%2e/thumbnail', 422],
      ['/gallery/pictures/../../etc/passwd/thumbnail', 404],
      ['/gallery/pictures//etc/passwd/thumbnail', 404],
      [`/gallery/pictures/${encodeURIComponent(sampleFile('pizza.webp'))}/preview`, 422],
      [`/gallery/pictures/${id}/original`, 404],
    ] as const
  ) expect([target, await ask(server, target)]).toEqual([target, status])
})

const onLinux = process.platform === 'linux' ? test : test.skip
onLinux('names that are no UTF-8, in pages and as pictures', async () => {
  const folder = folderOf(['pizza.webp', 'rocket.png'])
  const odd = Buffer.concat([Buffer.from(`${folder}/caf`), Buffer.of(0xe9)])
  mkdirSync(odd)
  for (const file of ['pizza.webp', 'rocket.png'])
    renameSync(
      path.join(folder, file),
      Buffer.concat([odd, Buffer.from(`/${file}`), Buffer.of(0xff), Buffer.from('.png')]),
    )
  const server = await served({ folder })
  const { results } = await all(server, { limit: 1 })
  expect(results.map(({ name }) => name)).toEqual(['caf\ufffd/pizza.webp\ufffd.png', 'caf\ufffd/rocket.png\ufffd.png'])
  expect((await names(server, { query: 'a rocket', limit: 1 }))[0]).toBe('caf\ufffd/rocket.png\ufffd.png')
  for (const { thumbnail } of results) expect((await get(server, `/${thumbnail}`)).status).toBe(200)
})

test('an index that exists, with its own folders, or only with some of them', async () => {
  const [shown, hidden] = [folderOf(['pizza.webp'], 'shown'), folderOf(['rocket.png', 'guitar.jpg'], 'hidden')]
  const where = path.join(shown, '.ggclip')
  const index = await SearchIndex.open(where, { clip: await library() })
  await index.update([shown, hidden])
  await index.close()
  const whole = await served({ index: where, page: false })
  expect((await get(whole, '/')).status).toBe(404)
  expect((await get(whole, '/gallery')).body).toMatchObject({
    folders: expect.arrayContaining(['hidden', 'shown']),
    files: 3,
    pictures: 3,
  })
  expect((await names(whole)).sort()).toEqual(['hidden/guitar.jpg', 'hidden/rocket.png', 'shown/pizza.webp'])
  const [rocket] = (await all(whole, { query: 'a rocket' })).results
  await whole.close()

  const part = await served({ folder: shown })
  expect(await names(part)).toEqual(['pizza.webp'])
  expect(await all(part, { query: 'a rocket' })).toMatchObject({ results: [{ name: 'pizza.webp' }], total: 1 })
  expect((await get(part, `/${rocket!.thumbnail}`)).status).toBe(404)
  expect(await post(part, '/gallery/search', { like: rocket!.id })).toMatchObject(
    failure(404, 'ERR_CLIP_FILE_NOT_FOUND'),
  )
  expect((await post(part, '/gallery/duplicates', { min_similarity: 0 })).body).toEqual({ groups: [], total: 0 })
})

test('a server does not start with what is no folder, no index, or without SQLite', async () => {
  const refused = async (options: object): Promise<unknown> => failureOf(() => Server.start({ port: 0, ...options }))
  const folder = folderOf(['pizza.webp'])
  expect(await refused({ folder: path.join(folder, 'none') })).toMatchObject({ code: 'ERR_CLIP_FILE_NOT_FOUND' })
  expect(await refused({ folder: [folder, path.join(folder, 'pizza.webp')] })).toMatchObject({
    code: 'ERR_CLIP_FILE_NOT_FOUND',
    message: expect.stringContaining('is a file'),
  })
  expect(await refused({ index: folder })).toMatchObject({ code: 'ERR_CLIP_FILE_NOT_FOUND' })
  expect(await refused({ folder: [3] })).toMatchObject({ code: 'ERR_CLIP_INVALID_ARGUMENT' })
  writeFileSync(path.join(folder, 'index.db'), 'no database at all, but long enough for one '.repeat(40))
  expect(await refused({ folder, index: folder })).toMatchObject({ code: 'ERR_CLIP_INDEX_FORMAT' })

  const script = `const Module = require('node:module')
    const load = Module._load
    Module._load = function (name, ...rest) {
      if (name === 'libsql' || name === 'node:sqlite') throw Object.assign(new Error(name), { code: 'MODULE_NOT_FOUND' })
      return load.call(this, name, ...rest)
    }
    const { Server } = require(${JSON.stringify(path.join(root, 'dist', 'server', 'index.js'))})
    const codeOf = options => Server.start({ port: 0, ...options }).then(server => server.close(), error => error.code)
    Promise.all([codeOf({}), codeOf({ folder: process.argv[1] })]).then(codes => console.log(JSON.stringify(codes)))`
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', script, folder], { encoding: 'utf8' })
  expect([stdout, stderr]).toEqual(['[null,"ERR_CLIP_INDEX_PARTS"]\n', ''])
})

test('an index of another model, or that cannot be made, is told of; the server goes on', async () => {
  const folder = folderOf(['pizza.webp'])
  const { info, encodeText } = await library()
  const turned = () => Promise.resolve(Float32Array.from({ length: info.dim }, (_, i) => Number(i === 7)))
  const other = { info, encodeText, encodeImage: turned as unknown as Clip['encodeImage'] }
  await (await SearchIndex.open(path.join(folder, '.ggclip'), { clip: other })).close()
  const server = await start({ folder })
  await until(async () => (await get(server, '/gallery')).body.state === 'failed')
  expect((await get(server, '/gallery')).body.message).toBe("ERR_CLIP_INDEX_MODEL: the server's log says more")
  expect(await post(server, '/gallery/search', { query: 'a' })).toMatchObject(
    failure(503, 'ERR_CLIP_MODEL_UNAVAILABLE'),
  )
  expect((await post(server, '/v1/embeddings', { input: 'a' })).status).toBe(200)
  expect((await get(server, '/metrics')).body).toContain('\nggclip_index_broken 1\n')
  rmSync(path.join(folder, '.ggclip'), { recursive: true })
  await post(server, '/gallery/refresh', {})
  await ready(server)
  expect(await names(server)).toEqual(['pizza.webp'])
})

test('while another process updates the index, this one serves it', async () => {
  const folder = folderOf(['pizza.webp'])
  const index = await SearchIndex.open(path.join(folder, '.ggclip'), { clip: await library() })
  const stop = new AbortController()
  const runs = index.watch([folder], { settleMs: 1, signal: stop.signal })
  await runs.next()
  const watching = runs.next()
  const server = await served({ folder })
  expect(await names(server, { query: 'food' })).toEqual(['pizza.webp'])
  cpSync(sampleFile('rocket.png'), path.join(folder, 'rocket.png'))
  await watching
  await until(async () => (await names(server)).length === 2)
  stop.abort()
  await failureOf(() => runs.next())
  await index.close()
})

test('--watch: changes are found when they happen', async () => {
  const folder = folderOf(['pizza.webp'])
  const server = await served({ folder, watch: true })
  cpSync(sampleFile('rocket.png'), path.join(folder, 'rocket.png'))
  await until(async () => (await names(server)).includes('rocket.png'), 30_000)
  await post(server, '/gallery/refresh', {})
  await ready(server)
  expect(await names(server)).toEqual(['pizza.webp', 'rocket.png'])
})

/** A folder whose pictures take a while. */
function many(copies: number): string {
  const folder = folderOf(pictures)
  for (let i = 0; i < copies; i++) {
    const pixels = Buffer.from(Array.from({ length: 48 }, (_, at) => (i * 31 + at * (1 + i % 7)) % 256))
    writeFileSync(path.join(folder, `${i}.ppm`), Buffer.concat([Buffer.from(`P6 # ${i}\n4 4 255\n`), pixels]))
  }
  return folder
}

test('requests are answered while the folders are indexed; a server that ends meanwhile leaves a whole index', async () => {
  const folder = many(1500)
  const server = await start({ folder })
  await until(async () => (await get(server, '/gallery')).body.state === 'updating')
  await until(async () => (await get(server, '/gallery')).body.files > 0, 30_000)
  const searches = await Promise.all(Array.from({ length: 12 }, async (_, i) => {
    const answers = [await post(server, '/gallery/search', { query: `a rocket ${i}` }),
      await post(server, '/v1/embeddings', { input: dataUri('pizza.webp') }), await get(server, '/healthz')]
    return answers.map(({ status }) => status)
  }))
  expect(new Set(searches.flat())).toEqual(new Set([200]))
  const { body } = await get(server, '/gallery')
  expect(body.files).toBeLessThan(1518)
  expect([body.state, body.done > 0, body.total >= body.done]).toEqual(['updating', true, true])
  expect((await get(server, '/metrics')).body).toMatch(/\nggclip_index_updating 1\n/)
  await server.close()

  const index = await beside(path.join(folder, '.ggclip'))
  const { pictures: saved } = index.info()
  expect(saved).toBeGreaterThanOrEqual(body.pictures)
  expect(await index.check()).toBe(0)
  const rest = await index.update([folder])
  expect([rest.unchanged, rest.embedded]).toEqual([saved, 1518 - saved])
  expect(readdirSync(path.join(folder, '.ggclip')).some(name => name.startsWith('vectors-0'))).toBe(true)
  await index.close()
})

test('a server ends at once while the model of its gallery is loaded, or as soon as it has begun', async () => {
  const folder = many(200)
  for (const wait of [0, 1, 20, 60]) {
    const server = await Server.start({ port: 0, folder, preload: 'none', drainMs: 0 })
    await new Promise(resolve => setTimeout(resolve, wait))
    await server.close()
  }
  const server = await served({ folder })
  expect((await get(server, '/gallery')).body).toMatchObject({ state: 'ready', files: 218, failed: 0 })
})
