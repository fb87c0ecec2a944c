/** `ggclip enqueue` with the flags that say where objects of S3 are; the server checks each signature. */
import { writeFileSync } from 'node:fs'
import path from 'node:path'

import { type Job, Queue } from 'bullmq'

import { ggclip, scratch } from '../cli/support'
import { where } from '../helpers/skips'
import { bucket, keys, rocket } from './support'

const { startRedis } = require('../helpers/engines.cjs')
const objects = {
  'a/1.png': rocket,
  'a/2.png': rocket,
  'a/3.png': rocket,
  'a/notes.txt': Buffer.from('x'),
  'b/4.png': rocket,
}
const signed = { AWS_ACCESS_KEY_ID: keys.accessKeyId, AWS_SECRET_ACCESS_KEY: keys.secretAccessKey }
/** None of this machine's own. */
const none = Object.fromEntries(
  ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_REGION', 'AWS_DEFAULT_REGION',
    'AWS_ENDPOINT_URL', 'AWS_ENDPOINT_URL_S3'].map(name => [name, '']),
)

where('redis', describe)('ggclip enqueue s3://', () => {
  let redis: { url: string; stop(): Promise<void> }
  let count = 0
  beforeAll(async () => void (redis = await startRedis()))
  afterAll(() => redis.stop())

  /** Runs it with a queue of its own. */
  async function enqueue(
    args: string[],
    env: Record<string, string> = signed,
  ): Promise<{ status: number | null; stdout: string; stderr: string; queued: string }> {
    const name = `cli${count++}`
    const result = await ggclip(['enqueue', ...args, '--redis', redis.url, '--queue', name, '--json'], {
      env: { ...none, ...env },
    })
    const { hostname: host, port } = new URL(redis.url)
    const queue = new Queue(name, { connection: { host, port: Number(port) }, prefix: '{ggclip}' })
    const jobs: Job[] = await queue.getWaiting()
    await queue.close()
    return { ...result, queued: JSON.stringify(jobs.map(({ data }) => data as unknown)) }
  }

  test('signs with the keys of the environment, for the region of --s3-region, at --s3-endpoint', async () => {
    const server = await bucket(objects)
    const found = await enqueue(['s3://pics/a', '--s3-endpoint', server.endpoint, '--batch', '2'])
    expect([found.status, found.stderr, JSON.parse(found.stdout)]).toEqual([0, '', { pictures: 3, jobs: 2 }])
    for (const name of ['a/1.png', 'a/2.png', 'a/3.png']) expect(found.queued).toContain(`s3://pics/${name}`)
    expect(found.queued).not.toMatch(/notes|b\/4/)
    // nobody who reads the queue gets to the bucket
    expect(found.queued).not.toContain(keys.secretAccessKey)
    expect(found.queued).not.toContain(keys.accessKeyId)
    // the flag counts, not the environment
    const elsewhere = { ...signed, AWS_REGION: 'eu-x', AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:1' }
    const flags = ['--s3-endpoint', server.endpoint, '--s3-region', 'us-east-1']
    expect(JSON.parse((await enqueue(['s3://pics/b', ...flags], elsewhere)).stdout)).toEqual({ pictures: 1, jobs: 1 })
    const wrong = await enqueue(['s3://pics/b', '--s3-endpoint', server.endpoint, '--s3-region', 'eu-x'])
    expect([wrong.status, wrong.stderr]).toEqual([1, expect.stringContaining('ERR_CLIP_S3_DENIED')])
  })

  test('--s3-anonymous signs nothing, though there are keys', async () => {
    const open = await bucket(objects, { open: true })
    const args = ['s3://pics/a/', '--s3-endpoint', open.endpoint]
    expect(JSON.parse((await enqueue([...args, '--s3-anonymous'])).stdout)).toEqual({ pictures: 3, jobs: 1 })
    const unasked = await enqueue(args)
    expect([unasked.status, unasked.stderr]).toEqual([1, expect.stringContaining('UnexpectedSignature')])
    const closed = await bucket(objects)
    const refused = await enqueue(['s3://pics', '--s3-endpoint', closed.endpoint, '--s3-anonymous'])
    expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining('ERR_CLIP_S3_DENIED')])
  })

  test('--s3-style virtual has the bucket in the host, path in the path', async () => {
    const server = await bucket(objects)
    const hosts: [string, string][] = []
    server.trouble = ({ headers, url }) => {
      hosts.push([headers.host!.split(':')[0]!, url!.split('?')[0]!])
      return false
    }
    const endpoint = `http://localhost:${new URL(server.endpoint).port}`
    // not every system knows the names below localhost
    const names = path.join(scratch, 'names.cjs')
    writeFileSync(
      names,
      `const dns = require('node:dns')
      const { lookup } = dns
      dns.lookup = (host, ...rest) => lookup(host.replace(/^(?:.*[.])?localhost$/, '127.0.0.1'), ...rest)`,
    )
    const env = { ...signed, NODE_OPTIONS: `--require ${JSON.stringify(names)}` }
    for (const style of ['virtual', 'path']) {
      const found = await enqueue(['s3://pics/b', '--s3-endpoint', endpoint, '--s3-style', style], env)
      expect([found.stderr, JSON.parse(found.stdout)]).toEqual(['', { pictures: 1, jobs: 1 }])
    }
    expect(hosts).toEqual([['pics.localhost', '/'], ['localhost', expect.stringMatching(/^\/pics\/?$/)]])
    const odd = await enqueue(['s3://pics', '--s3-style', 'host'])
    expect([odd.status, odd.stderr]).toEqual([2, expect.stringMatching(/--s3-style.*path, virtual/)])
  })
})
