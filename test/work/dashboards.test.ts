/**
 * The files of deploy/ without Docker: their commands run as programs of this machine, a real Prometheus scrapes these, and
 * every expression of the dashboards has series while they work.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { parse, stringify } from 'yaml'

import { openPictureQueue, pictureSources } from '../../lib/index.js'
import { where } from '../helpers/skips'
import { samples } from './support'

const { freePort, startPostgres, startPrometheus, startRedis } = require('../helpers/engines.cjs')

const root = path.join(__dirname, '..', '..')
const main = path.join(root, 'dist', 'cli', 'main.js')
const model = path.join(root, 'models', 'emoji-clip.gguf')
const text = (file: string): string => readFileSync(path.join(root, 'deploy', file), 'utf8')
const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-dashboards-'))
const children = new Set<ChildProcess>()
const servers: { stop(): Promise<void> }[] = []

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL')
  for (const server of servers) await server.stop()
  rmSync(scratch, { recursive: true, force: true })
})

interface Series {
  metric: Record<string, string>
  value: [time: number, value: string]
}

/** A dashboard's panels: what is asked, and which labels name the lines. */
function expressionsOf(file: string): { title: string; expr: string; labels: string[] }[] {
  const { panels } = JSON.parse(text(file)) as {
    panels: { title: string; targets: { expr: string; legendFormat?: string }[] }[]
  }
  return panels.flatMap(({ title, targets }) =>
    targets.map(({ expr, legendFormat = '' }) => ({
      title,
      expr,
      labels: [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label!),
    }))
  )
}

/** A file of Prometheus's as it is, but every second, and with these addresses. */
async function scrape(file: string, targets: string[]) {
  const { global, scrape_configs: [{ dns_sd_configs: _, ...job }], ...rest } = parse(text(file))
  const prometheus = await startPrometheus(stringify({
    ...rest,
    global: { ...global, scrape_interval: '1s' },
    scrape_configs: [{ ...job, static_configs: [{ targets }] }],
  }))
  servers.push(prometheus)
  return prometheus as { query(expression: string): Promise<Series[]> }
}

/**
 * Asks again while `work` goes on, until every expression has series with numbers and with the labels of its legend, and, by
 * the panel's title, what is known of them.
 */
async function expectSeries(
  dashboard: string,
  prometheus: { query(expression: string): Promise<Series[]> },
  work: () => Promise<unknown>,
  known: Record<string, (values: number[], series: Series[]) => boolean>,
): Promise<void> {
  const asked = expressionsOf(dashboard)
  expect(asked.map(({ title }) => title)).toEqual(expect.arrayContaining(Object.keys(known)))
  const missing = new Set(asked)
  const last = new Map<string, Series[]>()
  for (const end = Date.now() + 90_000; Date.now() < end && missing.size > 0;) {
    await work()
    for (const one of missing) {
      const series = await prometheus.query(one.expr)
      const values = series.map(({ value }) => Number(value[1]))
      const isWhole = series.length > 0 && values.every(Number.isFinite) &&
        series.every(({ metric }) => one.labels.every(label => label in metric))
      if (isWhole && (known[one.title]?.(values, series) ?? true)) missing.delete(one)
      else last.set(one.expr, series)
    }
  }
  expect([...missing].map(({ expr }) => [expr, last.get(expr)])).toEqual([])
}

function run(args: string[], environment: Record<string, string> = {}): ChildProcess {
  const child = spawn(process.execPath, [main, ...args], { env: { ...process.env, ...environment }, stdio: 'ignore' })
  children.add(child)
  return child
}

where('prometheus', test)('promtool takes the configurations', () => {
  const files = ['prometheus.yml', 'scale-out/prometheus.yml'].map(file => path.join(root, 'deploy', file))
  expect(execFileSync('promtool', ['check', 'config', ...files], { encoding: 'utf8' }).match(/SUCCESS/g)).toHaveLength(
    2,
  )
})

where('prometheus', test)('scale-out.yml: its workers work, and its dashboard has series of them', async () => {
  const redis = await startRedis()
  const postgres = await startPostgres()
  servers.push(redis, postgres)
  const { services: { work } } = parse(text('scale-out.yml'))
  const places: Record<string, string> = {
    'redis://redis:6379': redis.url,
    'postgres://ggclip:${POSTGRES_PASSWORD}@postgres/ggclip': postgres.url,
    '/models': scratch,
  }
  const environment = Object.fromEntries(
    Object.entries(work.environment as Record<string, string>).map(([name, value]) => [name, places[value]!]),
  )
  expect(Object.values(environment)).not.toContain(undefined)
  const ports = [await freePort(), await freePort()] as number[]
  const [program, ...args] = work.command as string[]
  expect([program, args.filter(arg => arg.includes('9464'))]).toEqual(['ggclip', ['0.0.0.0:9464']])
  for (const port of ports)
    run(
      args.map(arg => arg.replace('0.0.0.0:9464', `127.0.0.1:${port}`).replace(/^\$\{GGCLIP_MODEL.*/, model)),
      environment,
    )
  const prometheus = await scrape('scale-out/prometheus.yml', ports.map(port => `127.0.0.1:${port}`))

  // as the file's first lines say: one of the pictures is none
  const pictures = path.join(scratch, 'pictures')
  mkdirSync(pictures)
  for (const name of readdirSync(samples).slice(0, 12))
    copyFileSync(path.join(samples, name), path.join(pictures, name))
  writeFileSync(path.join(pictures, 'broken.png'), 'no picture')
  const enqueue = /run --rm work ggclip (enqueue) \/pictures$/m.exec(text('scale-out.yml'))![1]!
  execFileSync(process.execPath, [main, enqueue, pictures], {
    env: { ...process.env, ...environment },
    stdio: 'ignore',
  })

  const queue = await openPictureQueue(redis.url)
  const more = () =>
    queue.add(pictureSources([pictures], { exclude: ['broken.png'] }), { batch: 3, refresh: true, maxWaiting: 8 })
  await expectSeries('scale-out/work.json', prometheus, more, {
    'Pictures a second, by outcome': (values, series) =>
      series.length === 3 && values[series.findIndex(({ metric }) => metric.outcome === 'embedded')]! > 0,
    'Jobs of the queue': (values, series) => series.length === 3 && values.some(value => value > 0),
    Workers: ([workers]) => workers === 2,
    'Dead pictures': ([dead]) => dead === 1,
    'Seconds of a job, mean by stage': values => values.length === 3 && values.every(value => value > 0),
    'Memory of workers': values => values.length === 2 && values.every(value => value > 1e7),
  }).finally(() => queue.close())
}, 180_000)

where('prometheus', test)('docker-compose.yml: its server answers, and its dashboard has series of it', async () => {
  const { services: { ggclip } } = parse(text('docker-compose.yml'))
  const entry = JSON.parse(/^ENTRYPOINT (.*)$/m.exec(text('Dockerfile'))![1]!) as string[]
  const port = await freePort() as number
  const replaced: Record<string, string> = { '0.0.0.0': '127.0.0.1', 8080: String(port) }
  const args = [...entry.slice(2), ...ggclip.command as string[]].map(arg => replaced[arg] ?? arg)
  // the file's limit of requests a minute is for one address
  run(args.map((arg, i) => (args[i - 1] === '--requests-per-minute' ? '100000' : arg)))
  const prometheus = await scrape('prometheus.yml', [`127.0.0.1:${port}`])
  const picture = `data:image/png;base64,${readFileSync(path.join(samples, 'rocket.png')).toString('base64')}`
  const ask = async (input: unknown): Promise<void> => {
    await fetch(`http://127.0.0.1:${port}/v1/embeddings`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ input }),
    }).then(response => response.arrayBuffer(), () => undefined) // it is not there yet
  }
  let asked = 0
  const requests = async (): Promise<void> => {
    // the same text would come from the cache
    await Promise.all([ask(`rocket ${asked++}`), ask(['a', 'b']), ask({ image: picture }), ask(1)])
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  await expectSeries('grafana/ggclip.json', prometheus, requests, {
    'Requests by status': (_, series) =>
      ['200', '422'].every(one => series.some(({ metric }) => metric.status === one)),
    'Latency of requests': ([seconds]) => seconds! > 0,
    'Errors by code': ([rate]) => rate! > 0,
    'Mean batch size': values => values.every(value => value >= 1),
  })
}, 180_000)
