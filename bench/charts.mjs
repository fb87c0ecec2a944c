// Draws the charts of docs/performance.md from bench/results/*.json into docs/images.
//
//   node bench/charts.mjs            # writes what has changed
//   node bench/charts.mjs --check    # fails when a chart is not what its results say (npm test does this)
import fs from 'node:fs'
import path from 'node:path'

import { barChart } from './bar-chart.mjs'

const root = path.join(import.meta.dirname, '..')
const images = path.join(root, 'docs', 'images')

function results(name) {
  const file = path.join(root, 'bench', 'results', `${name}.json`)
  return fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')) : undefined
}

const isOurs = name => name.startsWith('ggclip')
const titles = { 'vit-b-32': 'ViT-B/32', 'vit-b-16': 'ViT-B/16', 'vit-l-14': 'ViT-L/14' }

/** Engines of one tower, each batch size a group; plain ggml would not fit on the scale. */
function towersChart(report, kind, threads) {
  const cases = report.cases.filter(one => one.kind === kind && one.threads === threads)
  if (cases.length === 0) return undefined
  const what = kind === 'image' ? 'image' : 'text of 10 tokens'
  return barChart({
    title: `${titles[report.model]}, milliseconds for each ${what}`,
    subtitle: `${threads} ${
      threads === 1 ? 'thread' : 'threads'
    } of ${report.cpu}, median and spread of ${report.rounds} rounds; shorter is faster`,
    unit: 'ms',
    groups: cases.map(({ batch, rows }) => ({
      label: batch === 1 ? 'one at a time' : `batches of ${batch}`,
      bars: rows.filter(({ name }) => !name.startsWith('plain ggml')).map(({ name, ms, min, max }) => ({
        name,
        value: ms,
        min,
        max,
        ours: isOurs(name),
      })),
    })),
  })
}

/** The speed of one side with each number of threads. */
function threadsChart(report) {
  const counts = [...new Set(report.cases.map(({ threads }) => threads))].sort((a, b) => a - b)
  if (counts.length < 2) return undefined
  const [first] = report.cases.filter(({ kind }) => kind === 'image')
  const chosen = first.rows.map(({ name }) => name).filter(name =>
    ['ggclip q8_0', 'ggclip f32'].includes(name) || name.startsWith('onnxruntime')
  )
  return barChart({
    title: `${titles[report.model]}, milliseconds for each image, by threads`,
    subtitle: `${report.cpu}, one image at a time, median and spread of ${report.rounds} rounds`,
    unit: 'ms',
    groups: counts.map(threads => {
      const { rows } = report.cases.find(one => one.kind === 'image' && one.batch === 1 && one.threads === threads)
      return {
        label: `${threads} ${threads === 1 ? 'thread' : 'threads'}`,
        bars: rows.filter(({ name }) => chosen.includes(name)).map(({ name, ms, min, max }) => ({
          name,
          value: ms,
          min,
          max,
          ours: isOurs(name),
        })),
      }
    }),
  })
}

function applicationChart(report, unit) {
  const labels = {
    ms: [[/^JPEG of 500/, 'JPEG of 500 x 375 to embedding'], [/^JPEG of 4000/, 'JPEG of 4000 x 3000 to embedding'], [
      /^require/,
      'start to the first embedding',
    ]],
    MB: [[/^peak resident memory of that/, 'peak resident memory, image tower'], [/^100 loads/,
      'resident after loads and disposals']],
  }[unit]
  const groups = labels.flatMap(([pattern, label]) => {
    const found = report.cases.find(({ name }) => pattern.test(name))
    return found
      ? [{
        label,
        bars: found.rows.map(({ name, value, min, max }) => ({
          name,
          value,
          min,
          max,
          ours: !name.startsWith('transformers'),
        })),
      }]
      : []
  })
  return barChart({
    title: unit === 'ms' ? 'ViT-B/32 in an application, milliseconds' : 'ViT-B/32 in an application, megabytes',
    subtitle: `${report.threads} threads of ${report.cpu}, median${
      unit === 'ms' ? ' and spread' : ''
    } of ${report.rounds} rounds; shorter is better, each group has its own scale`,
    unit,
    groups,
    ownScales: true,
  })
}

/** Operations of one batch, those below 1 % together. */
function profileChart({ profiles, cpu, model }) {
  const groups = profiles.map(({ tower, batch, threads, totalMs, otherMs, operations }) => {
    const large = operations.filter(({ ms }) => ms >= 0.01 * totalMs)
    const rest = otherMs + operations.reduce((sum, { ms }) => sum + ms, 0) - large.reduce((sum, { ms }) => sum + ms, 0)
    const name = ({ kind, layer, type }) =>
      [kind, layer.replace(/^[vt]\.(blk\.\*\.)?/, ''), kind.startsWith('linear') ? type : ''].filter(Boolean).join(' ')
    return {
      label: `${tower}, batch ${batch}, ${threads} threads: ${totalMs.toFixed(2)} ms`,
      bars: [
        ...large.map(operation => ({
          name: name(operation),
          value: operation.ms,
          ours: true,
          note: operation.ofPeak === undefined ? '' : `${(100 * operation.ofPeak).toFixed(0)} % of peak`,
        })),
        { name: 'all others', value: rest, ours: false },
      ],
    }
  })
  return barChart({
    title: 'Where the time of a batch goes, milliseconds',
    subtitle: `${
      model.name || path.basename(model.path)
    }, ${model.kernels} kernels, ${cpu}; share of the measured peak of multiply-adds`,
    unit: 'ms',
    groups,
    ownScales: true,
  })
}

/** File name -> SVG, for all results that are there. */
export function charts() {
  const drawn = {}
  for (const model of Object.keys(titles)) {
    const report = results(model)
    if (!report) continue
    const most = Math.max(...report.cases.map(({ threads }) => threads))
    drawn[`towers-${model}.svg`] = towersChart(report, 'image', most)
    if (model === 'vit-b-32') {
      drawn['texts-vit-b-32.svg'] = towersChart(report, 'text', most)
      drawn['threads-vit-b-32.svg'] = threadsChart(report)
    }
  }
  const app = results('app')
  if (app)
    Object.assign(drawn, {
      'application-time.svg': applicationChart(app, 'ms'),
      'application-memory.svg': applicationChart(app, 'MB'),
    })
  const profile = results('profile')
  if (profile) drawn['profile.svg'] = profileChart(profile)
  return Object.fromEntries(Object.entries(drawn).filter(([, svg]) => svg !== undefined))
}

if (process.argv[1] === import.meta.filename) {
  const stale = Object.entries(charts()).filter(([name, svg]) => {
    const file = path.join(images, name)
    return !fs.existsSync(file) || fs.readFileSync(file, 'utf8') !== svg
  })
  for (const [name, svg] of stale) {
    process.stdout.write(
      `docs/images/${name}${
        process.argv.includes('--check') ? ' is not what bench/results say: run node bench/charts.mjs' : ''
      }\n`,
    )
    if (process.argv.includes('--check')) process.exitCode = 1
    else fs.writeFileSync(path.join(images, name), svg)
  }
}
