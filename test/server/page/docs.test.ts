/** docs/web-page.md is true of what it names: its pictures, and the words on the page that it quotes. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

import { pageFiles, pageFolder, root } from './support'

const manual = readFileSync(join(root, 'docs', 'web-page.md'), 'utf8')

test('its pictures are there and small, and none is left over', () => {
  const named = [...manual.matchAll(/images\/([\w.-]+)/g)].map(([, name]) => name!)
  expect(named.sort()).toEqual(
    readdirSync(join(root, 'docs', 'images')).filter(name => name.startsWith('web-page')).sort(),
  )
  for (const name of named) expect(statSync(join(root, 'docs', 'images', name)).size).toBeLessThan(150_000)
})

test('what it quotes stands on the page', () => {
  const words = pageFiles.map(name => readFileSync(join(pageFolder, name), 'utf8')).join('\n')
  const quoted = [...manual.replace(/!\[.*|```[^]*?```|<img.*/g, '').matchAll(/"([^"]+)"/g)].map(([, text]) => text!)
  expect(quoted.length).toBeGreaterThan(4)
  for (const text of quoted) expect(words).toContain(text)
})

test('its scripts exist', () => {
  for (const [, script] of manual.matchAll(/node (scripts\/[\w.-]+)/g))
    expect(statSync(join(root, script!)).isFile()).toBe(true)
})
