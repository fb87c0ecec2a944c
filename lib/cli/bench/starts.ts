/** Load time and memory: each start is a process of its own. */
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { ClipError } from '../../library.js'
import type { Bench } from './cases.js'
import { makeJpeg } from './picture.js'
import type { Row } from './report.js'
import { spread } from './rounds.js'
import type { StartResult, StartSettings } from './start.js'
import type { Variant } from './variants.js'

/** `model`: value of --model. `pictures`: the first embedding is an image's, else a text's. */
export async function timeStarts(bench: Bench, model: string | undefined, pictures: boolean): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'ggclip-bench-'))
  try {
    const picture = pictures ? path.join(folder, 'picture.jpg') : undefined
    if (picture !== undefined) await writeFile(picture, await makeJpeg(500, 375))
    const results = bench.variants.map((): StartResult[] => [])
    for (let round = 0; round < bench.rounds; round++) {
      for (const [i, { name, options }] of bench.variants.entries()) {
        bench.progress(`start ${round + 1} of ${bench.rounds}: ${name}`)
        results[i]!.push(await startOnce({ model, options, picture }, bench.signal))
      }
    }
    await addCases(bench, bench.variants, results, pictures ? 'picture' : 'text')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function addCases(
  bench: Bench,
  variants: readonly Variant[],
  results: readonly StartResult[][],
  what: string,
): Promise<void> {
  const column = (key: keyof StartResult): Row[] =>
    variants.map(({ name }, i) => ({ name, ...spread(results[i]!.map(result => result[key])) }))
  await bench.add({ name: 'start: library and model loaded, file cache warm', unit: 'ms', rows: column('loadMs') })
  await bench.add({ name: `start to the first embedding of a ${what}`, unit: 'ms', rows: column('firstMs') })
  const weights = variants.map(({ name, clip }): Row => ({
    name: `weights in memory, ${name}`,
    value: clip.info.bytes,
  }))
  const memory = [
    ...column('residentBytes').map(row => ({ ...row, name: `resident, ${row.name}` })),
    ...column('peakBytes').map(row => ({ ...row, name: `peak, ${row.name}` })),
  ]
  await bench.add({ name: 'memory of that process, Node included', unit: 'bytes', rows: [...weights, ...memory] })
}

function startOnce(settings: StartSettings, signal: AbortSignal): Promise<StartResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [path.join(__dirname, 'start.js'), JSON.stringify(settings)], {
      stdio: ['ignore', 'pipe', 'pipe'],
      signal,
    })
    let [out, problem] = ['', '']
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (problem += chunk.toString()))
    child.on('error', reject)
    child.on('close', status => {
      if (status === 0) resolve(JSON.parse(out) as StartResult)
      else reject(
          new ClipError(
            'ERR_CLIP_INTERNAL',
            `a start of the library in a process of its own failed (${status}): ${problem}`,
          ),
        )
    })
  })
}
