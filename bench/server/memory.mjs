// Memory of several processes with one model: how much is private and how much is shared (Linux).
//
//   node bench/server/memory.mjs [--model PATH] [--workers 1,2,4] [--json FILE]
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'

import { imageRequest, makePictures } from './requests.mjs'

const { values: options } = parseArgs({
  options: { model: { type: 'string' }, workers: { type: 'string', default: '1,2,4' }, json: { type: 'string' } },
})
const root = path.join(import.meta.dirname, '..', '..')
const mib = kib => Math.round(kib / 102.4) / 10
const sum = list => list.reduce((total, value) => total + value, 0)

/** Totals of a process, and of its mappings of the model's file. Pss counts a page by the share of each process that has it. */
function memoryOf(pid) {
  const rollup = fs.readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const read = (text, name) =>
    sum([...text.matchAll(new RegExp(`^${name}: +(\\d+) kB`, 'gm'))].map(([, kib]) => Number(kib)))
  const mappings = fs.readFileSync(`/proc/${pid}/smaps`, 'utf8').split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)
  const ofModel = mappings.filter(text => /\.(gguf|safetensors)$/.test(text.split('\n', 1)[0])).join('')
  return {
    rss: read(rollup, 'Rss'),
    pss: read(rollup, 'Pss'),
    mapped: read(ofModel, 'Rss'),
    mappedPss: read(ofModel, 'Pss'),
  }
}

async function measure(workers) {
  const model = options.model ? ['--model', `bench=${path.resolve(options.model)}`] : []
  const child = spawn(process.execPath, [path.join(root, 'deploy', 'cluster.cjs'), '--port', '0', '--workers',
    String(workers), ...model], {
    env: { ...process.env, GGCLIP_SERVER: path.join(root, 'dist', 'server', 'index.js') },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  process.once('exit', () => child.kill('SIGKILL'))
  const pids = new Set()
  const url = await new Promise((resolve, reject) => {
    child.once('close', code => reject(new Error(`the cluster ended with ${code}`)))
    let out = ''
    child.stdout.on('data', chunk => {
      out += chunk
      for (const [, pid] of out.matchAll(/process (\d+) serves/g)) pids.add(Number(pid))
      if (pids.size === workers) resolve(/serves (\S+)/.exec(out)[1])
    })
  })
  // connections go round: each process has computed a full batch
  const { path: route, headers, body } = imageRequest((await makePictures(1))[0])
  await Promise.all(
    Array.from(
      { length: 32 * workers },
      () => fetch(`${url}${route}`, { method: 'POST', headers: { ...headers, connection: 'close' }, body }),
    ),
  )
  const each = [...pids].map(memoryOf)
  const ended = new Promise(resolve => void child.once('close', resolve))
  child.kill('SIGTERM')
  await ended
  const mean = name => mib(sum(each.map(one => one[name])) / workers)
  return {
    workers,
    rssEach: mean('rss'),
    pssEach: mean('pss'),
    pssAll: mib(sum(each.map(one => one.pss))),
    mappedEach: mean('mapped'),
    mappedPssEach: mean('mappedPss'),
  }
}

if (process.platform !== 'linux') throw new Error('only Linux tells what processes share (/proc/PID/smaps)')
const rows = []
for (const workers of options.workers.split(',').map(Number)) {
  rows.push(await measure(workers))
  process.stderr.write(`${JSON.stringify(rows.at(-1))}\n`)
}
const report = { model: path.basename(options.model ?? 'emoji-clip'), unit: 'MiB', rows }
if (options.json) fs.writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`)
else process.stdout.write(`${JSON.stringify(report)}\n`)
