/** Tar files on servers as sources. */
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { get, type RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'

import type { PictureSource } from '../../lib/index.js'
import { RemoteFile } from '../../lib/work/remote-file'
import { bucket, keys, list, never, reader, refusal, rocket, samples, sendBytes, serve } from './support'

type Entry = Extract<PictureSource, { file: string }>

const inside = { privateAddresses: true, timeoutMs: 2000 }
const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-remote-tar-'))
afterAll(() => rmSync(scratch, { recursive: true }))

/** A tar file of `count` copies of a picture, each with a caption, as webdataset's. */
function shard(count: number): Buffer {
  const folder = path.join(scratch, `in-${count}`)
  mkdirSync(folder)
  for (let i = 0; i < count; i++) {
    copyFileSync(path.join(samples, 'rocket.png'), path.join(folder, `${String(i).padStart(4, '0')}.png`))
    writeFileSync(path.join(folder, `${String(i).padStart(4, '0')}.txt`), `caption ${i}`)
  }
  execFileSync('tar', ['--sort=name', '-cf', `${folder}.tar`, '-C', folder, '.'])
  return readFileSync(`${folder}.tar`)
}

describe('tar files on servers', () => {
  const tar = shard(40)
  const entryBytes = ({ offset, size }: Entry): Buffer => tar.subarray(offset, offset + size)

  test('their entries are listed by one request and read by one a job', async () => {
    let requests = 0
    const url = await serve((request, response) => {
      requests++
      if (request.url === '/old.tar') return void response.writeHead(302, { location: '/new' }).end()
      sendBytes(request, response, tar, { etag: '"1"' })
    })
    const found = await list([`${url}/old.tar?x=1.tar`.replace('?x=1.tar', '')], { remoteImages: inside }) as Entry[]
    expect(found.map(({ key }) => key.split('#./')[1])).toEqual(
      Array.from({ length: 40 }, (_, i) => `${String(i).padStart(4, '0')}.png`),
    )
    expect(requests).toBe(2)
    requests = 0
    const { read, close } = reader({ remoteImages: inside })
    const all = await Promise.all(found.slice(10, 30).map(source => read(source, never)))
    all.forEach(({ bytes }, i) => expect(bytes).toEqual(entryBytes(found[10 + i]!)))
    expect(requests).toBe(2)
    expect((await read(found[0]!, never)).bytes).toEqual(rocket)
    close()
  })

  test('in S3', async () => {
    const server = await bucket({ 'shards/1.tar': tar })
    const s3 = { endpoint: server.endpoint, ...keys }
    const found = await list(['s3://pics/shards/1.tar'], { s3 }) as Entry[]
    expect(found).toHaveLength(40)
    expect(found[3]!.key).toBe('s3://pics/shards/1.tar#./0003.png')
    expect((await reader({ s3 }).read(found[39]!, never)).bytes).toEqual(rocket)
    expect(await refusal(list(['s3://pics/shards/2.tar'], { s3 }))).toEqual(['ERR_CLIP_S3_NOT_FOUND',
      expect.stringContaining('NoSuchKey')])
  })

  test.each([true, false])('broken connections are made again (with ranges: %s)', async ranges => {
    let requests = 0
    const url = await serve((request, response) => {
      requests++
      if (!ranges) delete request.headers.range
      const from = Number(/=(\d+)/.exec(request.headers.range ?? '')?.[1] ?? 0)
      if (requests > 5) return sendBytes(request, response, tar)
      // the beginning of what is asked for, further each time
      const rest = tar.subarray(from)
      response.writeHead(from > 0 ? 206 : 200, {
        'content-length': rest.length,
        ...(from > 0 ? { 'content-range': `bytes ${from}-${tar.length - 1}/${tar.length}` } : {}),
      })
      response.write(rest.subarray(0, (ranges ? 1 : requests) * Math.trunc(tar.length / 9)), () => response.destroy())
    })
    const found = await list([`${url}/a.tar`], { remoteImages: inside }) as Entry[]
    expect(found).toHaveLength(40)
    expect(requests).toBe(6)
    expect((await reader({ remoteImages: inside }).read(found[35]!, never)).bytes).toEqual(rocket)
  })

  test('what cannot be read is said: other files, changed and cut ones, slow and refusing servers', async () => {
    const answers: Record<string, RequestListener> = {
      '/no.tar': (request, response) => sendBytes(request, response, Buffer.alloc(2000, 'x')),
      '/cut.tar': (request, response) => sendBytes(request, response, tar.subarray(0, 5000)),
      '/unsized.tar': (_, response) => {
        response.write(tar.subarray(0, 5000))
        response.end()
      },
      '/zip.tar': (_, response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end(tar),
      '/absent.tar': (_, response) => void response.writeHead(404).end(),
      '/slow.tar': (_, response) => {
        response.writeHead(200, { 'content-length': tar.length })
        const drip = setInterval(() => response.write('a'), 20)
        response.on('close', () => clearInterval(drip))
      },
      '/silent.tar': () => undefined,
      '/away.tar': (_, response) => void response.writeHead(302, { location: 'http://192.168.0.1/a.tar' }).end(),
      '/circle.tar': (_, response) => void response.writeHead(302, { location: '/circle.tar' }).end(),
    }
    let versions = 0
    answers['/changed.tar'] = (request, response) => {
      const etag = `"${++versions}"`
      if (versions > 1) return sendBytes(request, response, tar, { etag })
      response.writeHead(200, { 'content-length': tar.length, etag })
      response.write(tar.subarray(0, 5000), () => response.destroy())
    }
    const url = await serve((request, response) => answers[request.url!]!(request, response))
    const listing = async (name: string, remoteImages = { ...inside, timeoutMs: 200 }): Promise<string | undefined> =>
      (await refusal(list([`${url}/${name}.tar`], { remoteImages })))[0]
    expect(await listing('no')).toBe('ERR_CLIP_FILE_FORMAT')
    expect(await listing('cut')).toBe('ERR_CLIP_FILE_FORMAT')
    expect(await listing('unsized')).toBe('ERR_CLIP_FILE_TRUNCATED')
    for (const name of ['zip', 'absent', 'slow', 'silent']) expect(await listing(name)).toBe('ERR_CLIP_URL_FAILED')
    expect(await listing('circle')).toBe('ERR_CLIP_URL_REFUSED')
    expect(await listing('changed')).toBe('ERR_CLIP_FILE_CHANGED')
    expect(await listing('no', { ...inside, privateAddresses: false })).toBe('ERR_CLIP_URL_REFUSED')
    const hosts = { ...inside, hosts: ['127.0.0.1'] }
    expect(await listing('away', hosts)).toBe('ERR_CLIP_URL_REFUSED')
  })

  test('an entry is read in no more memory than it has, and what is too large is not read', async () => {
    const url = await serve((request, response) => sendBytes(request, response, tar))
    const [source] = await list([`${url}/a.tar`], { remoteImages: inside }) as Entry[]
    expect((await refusal(reader({ remoteImages: inside }, 100).read(source!, never)))[0]).toBe(
      'ERR_CLIP_IMAGE_TOO_LARGE',
    )
    const beyond = { ...source!, offset: tar.length - 100 }
    expect((await refusal(reader({ remoteImages: inside }).read(beyond, never)))[0]).toBe('ERR_CLIP_FILE_TRUNCATED')
    const behind = { ...source!, offset: tar.length + 2 ** 22 }
    expect((await refusal(reader({ remoteImages: inside }).read(behind, never)))[0]).toBe('ERR_CLIP_FILE_TRUNCATED')
  })

  test('a large file is passed over without being held', async () => {
    const piece = Buffer.alloc(2 ** 20, 'p')
    let sent = 0
    const url = await serve((_, response) => {
      const send = (): void => {
        for (; sent < 2 ** 28; sent += piece.length) {
          if (response.write(piece)) continue
          sent += piece.length
          return void response.once('drain', send)
        }
        response.end()
      }
      send()
    })
    const file = new RemoteFile({
      name: 'large',
      open: (_, signal) =>
        new Promise((resolve, reject) => {
          get(url, { signal }, resolve).on('error', reject)
        }),
      failure: () => Promise.reject(new Error('not asked for')),
      timeoutMs: 5000,
      retries: { attempts: 1, pauseMs: 1, maxPauseMs: 1, maxServerPauseMs: 1 },
    })
    const before = process.memoryUsage().arrayBuffers
    expect(String(await file.read(2 ** 27, 4, never))).toBe('pppp')
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 26)
    // the server was held back, too
    await new Promise(resolve => setTimeout(resolve, 200))
    expect(sent).toBeLessThan(2 ** 27 + 2 ** 25)
    file.close()
  })
})
