/** Watched folders: what changes is found, what the index itself writes is not. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { Clip, SearchIndex } from '../../lib/index.js'
import { Changes } from '../../lib/search/folders/changes.js'
import { Store } from '../../lib/search/storage/store.js'

const root = path.join(__dirname, '..', '..')
const samples = path.join(root, 'models', 'samples')
const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-watch-'))
let clip: Clip
let count = 0

beforeAll(async () => void (clip = await Clip.load(undefined, { threads: 1 })))
afterAll(async () => {
  await clip.dispose()
  rmSync(scratch, { recursive: true, force: true })
})

function folderOf(...names: string[]): string {
  const folder = path.join(scratch, `pictures-${count++}`)
  mkdirSync(folder)
  for (const name of names) cpSync(path.join(samples, name), path.join(folder, name))
  return folder
}

test('files that come, move and go are found; the index in the same folder causes no run', async () => {
  const folder = folderOf('rocket.png', 'pizza.webp')
  const index = await SearchIndex.open(path.join(folder, '.ggclip'), { clip })
  const stop = new AbortController()
  const runs = index.watch([folder], { settleMs: 100, lookMs: 1e8, signal: stop.signal })
  const next = async () => (await runs.next()).value!
  expect(await next()).toMatchObject({ embedded: 2, failed: 0 })

  const second = next()
  // the index was written a moment ago: that must not count
  expect(await Promise.race([second, new Promise(resolve => setTimeout(resolve, 1000, 'quiet'))])).toBe('quiet')
  mkdirSync(path.join(folder, 'new'))
  cpSync(path.join(samples, 'guitar.jpg'), path.join(folder, 'new', 'guitar.jpg'))
  expect(await second).toMatchObject({ unchanged: 2, embedded: 1 })

  const third = next()
  renameSync(path.join(folder, 'rocket.png'), path.join(folder, 'new', 'r.png'))
  rmSync(path.join(folder, 'pizza.webp'))
  expect(await third).toMatchObject({ known: 1, embedded: 0, removed: 2 })
  expect(index.info()).toMatchObject({ pictures: 2 })

  const last = runs.next()
  stop.abort(new Error('enough'))
  await expect(last).rejects.toThrow('enough')
  await index.close()
})

test('while another process updates the index, the next run waits', async () => {
  const folder = folderOf('rocket.png')
  const where = path.join(scratch, 'busy')
  const index = await SearchIndex.open(where, { clip })
  const runs = index.watch([folder], { settleMs: 50, lookMs: 1e8 })
  await runs.next()
  const other = await Store.open(where)
  let release!: () => void
  const held = other.asWriter(() => new Promise<void>(resolve => (release = resolve)))
  const watched = runs.next()
  cpSync(path.join(samples, 'pizza.webp'), path.join(folder, 'pizza.webp'))
  expect(await Promise.race([watched, new Promise(resolve => setTimeout(resolve, 1000, 'waits'))])).toBe('waits')
  release()
  await held
  expect((await watched).value).toMatchObject({ unchanged: 1, embedded: 1 })
  await runs.return()
  await Promise.all([index.close(), other.close()])
})

test('a folder that cannot be watched is looked at in time; many changes count once', async () => {
  const unwatched: string[] = []
  const changes = new Changes([Buffer.from(path.join(scratch, 'not-there'))], {
    ignore: path.join(scratch, 'index'),
    onUnwatched: folder => void unwatched.push(folder),
  })
  await changes.next({ settleMs: 10, lookMs: 30 })
  expect(unwatched).toEqual([path.join(scratch, 'not-there')])
  for (let i = 0; i < 100; i++) changes.notice()
  await changes.next({ settleMs: 10, lookMs: 1e8 })
  const waiting = changes.next({ settleMs: 10, lookMs: 1e8 })
  expect(await Promise.race([waiting, new Promise(resolve => setTimeout(resolve, 200, 'none'))])).toBe('none')
  const steady = setInterval(() => changes.notice(), 5)
  await waiting // although changes never end
  clearInterval(steady)
  changes.close()
})

test('ggclip watch goes on until it is stopped', async () => {
  const folder = folderOf('rocket.png')
  const child = spawn(process.execPath, [path.join(root, 'dist', 'cli', 'main.js'), 'watch', folder, '--threads', '1'])
  let notes = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (notes += text))
  const said = async (text: string): Promise<void> => {
    for (let i = 0; i < 600 && !notes.includes(text); i++) await new Promise(resolve => setTimeout(resolve, 50))
    expect(notes).toContain(text)
  }
  await said('1 embedded, 0 unchanged; the index has 1 pictures')
  writeFileSync(path.join(folder, 'bad.png'), 'no picture')
  cpSync(path.join(samples, 'pizza.webp'), path.join(folder, 'pizza.webp'))
  await said('1 embedded, 1 unchanged, 1 cannot be read; the index has 2 pictures')
  child.kill('SIGTERM')
  const [status] = await once(child, 'close')
  expect(status).toBe(143)
})
