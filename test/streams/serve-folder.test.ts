/** `ggclip serve --folder --index --watch`: an index that the server makes, keeps up to date and leaves behind. */
import { copyFileSync, existsSync, mkdirSync } from 'node:fs'
import path from 'node:path'

import { embedded, root, run, scratch, serve, until } from './support'

const samples = path.join(root, 'models', 'samples')
const photos = path.join(scratch, 'photos')
const index = path.join(scratch, 'photos.index')
const args = ['--model', embedded, '--log-level', 'silent', '--folder', photos, '--index', index]

const add = (name: string) => copyFileSync(path.join(samples, name), path.join(photos, name))
const state = async (url: string) =>
  await (await fetch(`${url}/gallery`)).json() as { state: string; files: number; folders: string[] }
const holds = (url: string, files: number) => async () => {
  const now = await state(url)
  return now.state === 'ready' && now.files === files
}
async function nearest(url: string, query: string) {
  const response = await fetch(`${url}/gallery/search`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, limit: 1 }),
  })
  expect(response.status).toBe(200)
  return JSON.stringify(await response.json())
}

it('finds pictures, and those that come later, and leaves an index that the next server and `search` use', async () => {
  mkdirSync(photos)
  for (const name of ['airplane.png', 'guitar.jpg', 'cat-face.png']) add(name)
  const first = await serve([...args, '--watch'], { timeoutMs: 100_000 })
  await until(holds(first.url, 3), 40_000)
  expect(await nearest(first.url, 'an emoji of an airplane')).toContain('airplane.png')
  add('dog-face.png')
  await until(holds(first.url, 4), 40_000)
  first.child.kill('SIGTERM')
  expect(await first.ended).toMatchObject({ code: 0, stderr: '' })
  expect(existsSync(index)).toBe(true)

  const second = await serve(args, { timeoutMs: 100_000 })
  await until(holds(second.url, 4), 40_000)
  expect(await nearest(second.url, 'an emoji of a dog face')).toContain('dog-face.png')
  second.child.kill('SIGTERM')
  expect((await second.ended).code).toBe(0)

  const found = await run(['search', 'a guitar', '--index', index, '-k', '1', '--json'])
  expect(found).toMatchObject({ code: 0, stderr: '' })
  expect(found.stdout).toContain('guitar.jpg')
}, 200_000)

it('says what is wrong with a folder that is not there, and starts no server', async () => {
  const { code, stderr, stdout } = await run(['serve', '--port', '0', '--folder', path.join(scratch, 'none')])
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toContain('none')
}, 60_000)
