/** An index that may be searched, not written: somebody else's, or on a medium that cannot be written. */
import { execFile } from 'node:child_process'
import { chmodSync, cpSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync,
  writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'

import { Clip, SearchIndex } from '../../lib/index.js'
import { ggclip, main, root } from '../cli/support'
import { where } from '../helpers/skips'

const samples = path.join(root, 'models', 'samples')
const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-read-only-'))
let clip: Clip
let count = 0
beforeAll(async () => {
  clip = await Clip.load(undefined, { threads: 1 })
})
afterAll(async () => {
  await clip.dispose()
  rmSync(scratch, { recursive: true, force: true })
})

async function made(): Promise<{ pictures: string; where: string }> {
  const pictures = path.join(scratch, `pictures ${count++} %?#`)
  mkdirSync(pictures)
  for (const name of ['rocket.png', 'pizza.webp', 'guitar.jpg'])
    cpSync(path.join(samples, name), path.join(pictures, name))
  const where = path.join(pictures, '.ggclip')
  const index = await SearchIndex.open(where, { clip })
  await index.update([pictures])
  await index.close()
  return { pictures, where }
}

/** Names, times and bytes of all that is in it. */
const stateOf = (folder: string): unknown =>
  readdirSync(folder).sort().map(name => {
    const file = path.join(folder, name)
    return [name, lstatSync(file).mtimeMs, readFileSync(file).toString('base64')]
  })

test('is searched, and nothing in its folder changes', async () => {
  const { pictures, where } = await made()
  const before = stateOf(where)
  const index = await SearchIndex.open(where, { clip, readOnly: true })
  const [best] = await index.search('a rocket', { k: 1 })
  expect(best!.path).toBe(path.join(pictures, 'rocket.png'))
  expect((await index.page(undefined, { k: 10 })).files).toHaveLength(3)
  expect(index.info()).toMatchObject({ pictures: 3 })
  expect(await index.duplicates()).toEqual([])
  for (const write of [() => index.update(), () => index.remove(pictures), () => index.check()]) {
    await expect(write()).rejects.toMatchObject({
      code: 'ERR_CLIP_FILE_WRITE',
      message: expect.stringContaining('read only'),
    })
  }
  await index.close()
  expect(stateOf(where)).toEqual(before)
})

test('what another process writes meanwhile is seen: while it is open, and when it has ended', async () => {
  const { pictures, where } = await made()
  const index = await SearchIndex.open(where, { clip, readOnly: true })
  expect(await index.search('a sunflower')).toHaveLength(3)
  const writer = await SearchIndex.open(where, { clip })
  cpSync(path.join(samples, 'sunflower.png'), path.join(pictures, 'sunflower.png'))
  await writer.update()
  const [best] = await index.search('a sunflower')
  expect(best!.path).toBe(path.join(pictures, 'sunflower.png'))
  rmSync(path.join(pictures, 'sunflower.png'))
  await writer.update()
  await writer.close()
  expect((await index.search('a sunflower')).map(({ path }) => path)).not.toContain(
    path.join(pictures, 'sunflower.png'),
  )
  await index.close()
})

test('none is made, and wrong options are refused', async () => {
  const { where } = await made()
  const none = path.join(scratch, 'none')
  await expect(SearchIndex.open(none, { clip, readOnly: true })).rejects.toMatchObject({
    code: 'ERR_CLIP_FILE_NOT_FOUND',
  })
  expect(readdirSync(scratch)).not.toContain('none')
  await expect(SearchIndex.open(where, { clip, readOnly: true, create: true })).rejects.toMatchObject({
    code: 'ERR_CLIP_INVALID_ARGUMENT',
  })
  await expect(SearchIndex.open(where, { clip, readOnly: 1 as never })).rejects.toMatchObject({
    code: 'ERR_CLIP_INVALID_ARGUMENT',
  })
})

test('an older one, which would have to be brought up to date, is refused', async () => {
  const pictures = path.join(scratch, `pictures ${count++}`)
  mkdirSync(pictures)
  expect((await ggclip(['index', pictures])).status).toBe(0) // by a process that has ended
  const where = path.join(pictures, '.ggclip')
  const bytes = readFileSync(path.join(where, 'index.db'))
  bytes.writeUInt32BE(2, 60) // SQLite's user_version
  writeFileSync(path.join(where, 'index.db'), bytes)
  await expect(SearchIndex.open(where, { clip, readOnly: true })).rejects.toMatchObject({
    code: 'ERR_CLIP_INDEX_FORMAT',
    message: expect.stringContaining('open it once where it can be written'),
  })
})

/** A script in a process of its own, for root as another user, once the library and the model are loaded. */
async function asStranger(body: string, where: string, own: string): Promise<unknown> {
  const script = `
    const { Clip, exportIndex, SearchIndex } = require(${JSON.stringify(root)})
    const [where, own] = process.argv.slice(1)
    const codeOf = call => call.then(() => 'none', ({ code }) => code)
    const main = async () => {
      const clip = await Clip.load(undefined, { threads: 1 })
      const other = await SearchIndex.open(own, { clip })
      await other.search('x')
      await exportIndex(own, own + '/out')
      await other.close()
      process.chdir('/')
      if (process.getuid() === 0) { process.setgroups([]); process.setgid(65534); process.setuid(65534) }
      ${body}
    }
    main().then(result => console.log(JSON.stringify(result)))`
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', script, where, own])
  return JSON.parse(stdout)
}

where('posix', test)("somebody else's is searched as it is", async () => {
  const [{ pictures, where: index }, { where: own }] = [await made(), await made()]
  for (const [place, mode] of [[scratch, 0o755], [pictures, 0o555], [index, 0o555]] as const) chmodSync(place, mode)
  for (const name of readdirSync(index)) chmodSync(path.join(index, name), 0o444)
  const before = stateOf(index)
  const found = await asStranger(
    `const index = await SearchIndex.open(where, { clip })
     const [best] = await index.search('a rocket')
     const result = {
       best: best.path,
       pictures: (await SearchIndex.inspect(where)).pictures,
       update: await codeOf(index.update()),
       export: await codeOf(exportIndex(where, '/nowhere/to')),
     }
     await index.close()
     return result`,
    index,
    own,
  )
  expect(found).toEqual({
    best: path.join(pictures, 'rocket.png'),
    pictures: 3,
    update: 'ERR_CLIP_FILE_WRITE',
    export: 'ERR_CLIP_FILE_WRITE',
  })
  expect(stateOf(index)).toEqual(before)
  chmodSync(index, 0o755)
  chmodSync(pictures, 0o755)
})

/** Runs the rest of its arguments in the first, mounted read only. */
const mounted = `mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && cd "$1" && shift && exec "$@"`

where('mounts', test)('on a medium that cannot be written, by the commands', async () => {
  const { pictures, where } = await made()
  const onIt = (...args: string[]) =>
    promisify(execFile)('unshare', ['-rm', 'sh', '-c', mounted, 'sh', pictures, process.execPath, main, ...args])
      .catch((error: { code: number; stderr: string }) => error as { code: number; stdout: string; stderr: string })
  const found = await onIt('search', 'a rocket', '-k', '1')
  expect(found).toMatchObject({ stderr: '', stdout: expect.stringContaining(path.join(pictures, 'rocket.png')) })
  expect((await onIt('index', '--info')).stdout).toContain('3')
  expect(await onIt('index')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('cannot be updated: it is open to be read only'),
  })
  // of a writer that was killed: what it wrote last is in a file beside, and SQLite's shared memory says where
  const writer = await SearchIndex.open(where, { clip })
  await writer.remove(pictures)
  await writer.update([pictures])
  const killed = path.join(pictures, 'killed')
  cpSync(where, killed, { recursive: true })
  await writer.close()
  expect(lstatSync(path.join(killed, 'index.db-wal')).size).toBeGreaterThan(0)
  expect(await onIt('search', 'a rocket', '-k', '1', '--index', killed)).toMatchObject({ stdout: found.stdout })
  rmSync(path.join(killed, 'index.db-shm'))
  expect(await onIt('search', 'a rocket', '--index', killed)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('opened once'),
  })
})

where('mounts', test)('on a medium that cannot be written, by the server', async () => {
  const { pictures } = await made()
  const script = `
    const { Server } = require(${JSON.stringify(path.join(root, 'dist', 'server'))})
    const main = async () => {
      const server = await Server.start({ port: 0, folder: process.cwd() })
      const ask = async (path, body) => (await fetch(server.url + path, body && { method: 'POST', body: JSON.stringify(body),
        headers: { 'content-type': 'application/json' } })).json()
      let state
      do state = await ask('/gallery'); while (state.state === 'opening')
      const { results } = await ask('/gallery/search', { query: 'a rocket' })
      const refreshed = await ask('/gallery/refresh', {})
      await server.close()
      return { state, best: results[0].name, refreshed }
    }
    main().then(result => console.log(JSON.stringify(result)))`
  const { stdout } = await promisify(execFile)('unshare', ['-rm', 'sh', '-c', mounted, 'sh', pictures, process.execPath,
    '-e', script])
  const { state, best, refreshed } = JSON.parse(stdout)
  expect(state).toMatchObject({ state: 'ready', files: 3, pictures: 3 })
  expect(refreshed).toMatchObject({ state: 'ready', files: 3 })
  expect(best).toBe('rocket.png')
})

where('mounts', test)('on a disk that is full it is searched; an update says what is wrong', async () => {
  const full = path.join(scratch, 'full')
  mkdirSync(full)
  const filled = `mount -t tmpfs -o size=600k none "$1" && cp -r "$2" "$1/index" && {
    dd if=/dev/zero of="$1/rest" bs=1k 2>/dev/null; cd "$1" && shift 2 && exec "$@"; }`
  const { pictures, where: index } = await made()
  const onIt = (...args: string[]) =>
    promisify(execFile)('unshare', ['-rm', 'sh', '-c', filled, 'sh', full, index, process.execPath, main, ...args,
      '--index', 'index'])
      .catch((error: { code: number; stderr: string }) => error as { code: number; stdout: string; stderr: string })
  const expectIt = async (words: RegExp): Promise<void> => {
    expect(await onIt('search', 'a rocket', '-k', '1')).toMatchObject({
      stderr: '',
      stdout: expect.stringContaining(path.join(pictures, 'rocket.png')),
    })
    expect((await onIt('index', '--info')).stdout).toMatch(/^pictures\t3$/m)
    expect(await onIt('index')).toMatchObject({ code: 1, stderr: expect.stringMatching(words) })
  }
  // with SQLite's shared memory beside it, as while another process has it open
  const writer = await SearchIndex.open(index, { clip })
  await writer.search('x')
  expect(readdirSync(index)).toContain('index.db-shm')
  await expectIt(/is full.*ERR_CLIP_FILE_WRITE/)
  await writer.close()
  // without it: there is no room for that
  rmSync(index, { recursive: true })
  await ggclip(['index', pictures])
  expect(readdirSync(index)).not.toContain('index.db-shm')
  await expectIt(/cannot be updated: .*disk.*ERR_CLIP_FILE_WRITE/)
})
