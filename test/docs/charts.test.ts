import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync,
  writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import sharp from 'sharp'

const root = path.join(__dirname, '..', '..')
const results = path.join(root, 'bench', 'results')
const images = path.join(root, 'docs', 'images')
const manual = readFileSync(path.join(root, 'docs', 'performance.md'), 'utf8')
const names = JSON.parse(execFileSync(process.execPath, ['--input-type=module', '-e', `
  import { charts } from ${JSON.stringify(path.join(root, 'bench', 'charts.mjs'))}
  process.stdout.write(JSON.stringify(Object.keys(charts())))`], { encoding: 'utf8' })) as string[]

it('says what bench/results say', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [path.join(root, 'bench', 'charts.mjs'), '--check'], {
    encoding: 'utf8',
  })
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' })
})

it('notices a chart that is stale', () => {
  const copy = mkdtempSync(path.join(tmpdir(), 'ggclip-charts-'))
  try {
    for (const folder of ['bench', 'docs']) mkdirSync(path.join(copy, folder))
    for (const file of ['charts.mjs', 'bar-chart.mjs'])
      writeFileSync(path.join(copy, 'bench', file), readFileSync(path.join(root, 'bench', file)))
    symlinkSync(results, path.join(copy, 'bench', 'results'))
    mkdirSync(path.join(copy, 'docs', 'images'))
    const run = (...args: string[]) =>
      spawnSync(process.execPath, [path.join(copy, 'bench', 'charts.mjs'), ...args], { encoding: 'utf8' })
    expect(run('--check').status).toBe(1)
    expect(run().status).toBe(0)
    expect(run('--check').status).toBe(0)
    const first = path.join(copy, 'docs', 'images', names[0]!)
    writeFileSync(first, readFileSync(first, 'utf8').replace(/\d ms/, '0 ms'))
    expect(run('--check')).toMatchObject({ status: 1, stdout: expect.stringContaining(names[0]!) })
  } finally {
    rmSync(copy, { recursive: true })
  }
})

describe.each(names)('%s', name => {
  const svg = existsSync(path.join(images, name)) ? readFileSync(path.join(images, name), 'utf8') : ''

  it('can be drawn', async () => {
    const { data, info } = await sharp(Buffer.from(svg)).raw().toBuffer({ resolveWithObject: true })
    expect(info.width).toBe(760)
    expect(new Set(data).size).toBeGreaterThan(10)
  })

  it('tells its numbers to those who do not see it, and has colours for both themes', () => {
    expect(svg).toMatch(/role="img" aria-labelledby="title description"/)
    expect(svg).toMatch(/<title id="title">[^<]{20,}<\/title>/)
    const [, told] = /<desc id="description">([^<]{80,})<\/desc>/.exec(svg) ?? []
    for (const [, value] of svg.matchAll(/y="[\d.]+">([\d.]+) (?:ms|MB)[<]/g)) expect(told).toContain(` ${value} `)
    expect(svg).toContain('prefers-color-scheme: dark')
  })

  it('is in the docs, with words for it', () => {
    expect(manual).toMatch(new RegExp(`!\\[[^\\]]{20,}\\]\\(images/${name.replace('.', '\\.')}\\)`))
  })
})

it('has no chart in the docs that nothing draws', () => {
  const shown = readdirSync(images).filter(name => name.endsWith('.svg'))
  expect(shown.sort()).toEqual([...names].sort())
})
