// Programs bundled with ggclip beside them, and those that a test runner starts.
'use strict'

const assert = require('node:assert/strict')
const { build, expected, install, pictures, program } = require('./answers.cjs')

const source = program("import { Clip } from 'ggclip'")

async function prints(project, command) {
  assert.deepEqual(JSON.parse(await project.shell(command)), await expected(project))
}

/** By webpack's own call, as CommonJS and as an ES module. */
async function webpack(project) {
  await install(project, 'webpack@5.113.0')
  project.write('source.mjs', source)
  for (const [type, file] of [['commonjs', 'bundle.cjs'], ['module', 'bundle.mjs']]) {
    const output = { path: project.folder, filename: file, module: type === 'module' }
    const config = {
      mode: 'production',
      target: 'node',
      entry: './source.mjs',
      externals: { ggclip: `${type} ggclip` },
      experiments: { outputModule: type === 'module' },
      output,
    }
    project.write(
      'build.cjs',
      `require('webpack')(${JSON.stringify(config)}, (error, stats) => {
  console.log(error ?? stats.toString({ all: false, errors: true, warnings: true }))
  process.exitCode = error || stats.hasErrors() ? 1 : 0
})\n`,
    )
    await build(project, 'node build.cjs')
    await prints(project, `node ${file}`)
  }
}

async function vite(project) {
  await install(project, 'vite@8.4.0')
  project.write('source.mjs', source)
  await build(project, 'npx vite build --ssr source.mjs')
  await prints(project, 'node dist/source.js')
}

async function writeExpected(project) {
  project.write('expected.json', JSON.stringify(await expected(project)))
}

/**
 * Vectors are arrays of the test's own realm, which has its own classes, in jsdom fewer globals, and a clock that stands
 * still if the test wants it.
 */
async function jest(project) {
  await install(project, 'jest@30.5.2', 'jest-environment-jsdom@30.5.2')
  await writeExpected(project)
  for (const environment of ['node', 'jsdom']) {
    for (const clock of ['useFakeTimers', 'useRealTimers']) {
      project.write(
        `${environment}-${clock}.test.cjs`,
        `/** @jest-environment ${environment} */
const fs = require('node:fs')
const { Clip } = require('ggclip')
test('encodes', async () => {
  jest.${clock}()
  const { photo, drawing } = JSON.parse(fs.readFileSync('expected.json', 'utf8'))
  const clip = await Clip.load(undefined, { threads: 1 })
  const vector = await clip.encodeText('a rocket')
  expect(vector).toBeInstanceOf(Float32Array)
  expect(vector).toEqual(Float32Array.from(photo.text))
  const bytes = fs.readFileSync('node_modules/ggclip/models/samples/rocket.png')
  for (const picture of [bytes, new Uint8Array(bytes), new Uint8Array(bytes).buffer])
    expect([...await clip.encodeImage(picture)]).toEqual(photo.image)
  expect([...await clip.encodeImage(Buffer.from(${JSON.stringify(String(pictures.drawing))}))]).toEqual(drawing.image)
  await expect(clip.encodeText(5)).rejects.toBeInstanceOf(TypeError)
  const controller = new AbortController()
  controller.abort()
  await expect(clip.encodeText('a rocket', { signal: controller.signal })).rejects.toThrow(/abort/)
  await clip.dispose()
})\n`,
      )
    }
  }
  const { code, stderr } = await project.run('npx', ['jest', '--testMatch', '**/*.test.cjs'])
  assert.match(stderr, /4 passed, 4 total/)
  assert.equal(code, 0, stderr)
}

/** With workers, processes and contexts. */
async function vitest(project) {
  await install(project, 'vitest@5.1.2')
  await writeExpected(project)
  for (const name of ['one', 'two']) {
    project.write(
      `${name}.test.mjs`,
      `import { readFileSync } from 'node:fs'
import { Clip } from 'ggclip'
import { expect, it } from 'vitest'
it('encodes', async () => {
  const { photo } = JSON.parse(readFileSync('expected.json', 'utf8'))
  const clip = await Clip.load(undefined, { threads: 1 })
  const vector = await clip.encodeText('a rocket')
  expect(vector).toBeInstanceOf(Float32Array)
  expect([...vector]).toEqual(photo.text)
  expect([...await clip.encodeImage('node_modules/ggclip/models/samples/rocket.png')]).toEqual(photo.image)
  await expect(clip.encodeText(5)).rejects.toBeInstanceOf(TypeError)
  await clip.dispose()
})\n`,
    )
  }
  for (const pool of ['threads', 'forks', 'vmThreads', 'vmForks'])
    assert.match(await project.shell(`npx vitest run --pool=${pool}`), /2 passed/)
}

const moduleSteps = [
  { name: 'webpack 5.113, ggclip external', step: webpack },
  { name: 'Vite 8.4 SSR', step: vite },
  { name: 'Jest 30: node, jsdom, clocks that stand still', step: jest },
  { name: 'Vitest 5.1: threads, forks, vmThreads, vmForks', step: vitest },
]

module.exports = { moduleSteps }
