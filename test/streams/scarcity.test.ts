/** No descriptors, no room on the disk, folders that cannot be written to: an error with a code, nothing half done, no hang. */
import { readdirSync } from 'node:fs'
import { createServer } from 'node:http'
import net, { type AddressInfo } from 'node:net'
import path from 'node:path'

import { describeOnLinux, embed, embedded, picture, run, scratch, serve, until } from './support'

const limited = (limits: string): string[] => ['sh', '-c', `${limits}; exec "$@"`, 'sh', process.execPath]
/** As a full disk: a file cannot grow beyond 512 KiB. */
const small = { command: limited('ulimit -f 1024') }

describeOnLinux('a disk that fills up', () => {
  test.each([
    ['convert', ['convert', embedded, 'full.gguf', '--dtype', 'f32']],
    ['quantize', ['quantize', embedded, 'full.gguf', '--dtype', 'q8_0']],
    ['embed --out', ['embed', picture, '--hidden-state', ...['0,1,2,3,-1,-2,-3,0,1,2,3'], '--out', 'full.npy']],
  ])('%s: said, and nothing is left', async (_, args) => {
    expect(await run(args, small)).toMatchObject({
      code: 1,
      signal: null,
      stderr: expect.stringMatching(/^ggclip: .*full\..*(EFBIG|File too large).*\(ERR_CLIP_FILE_WRITE\)\n$/i) as string,
    })
    expect(readdirSync(scratch).filter(name => name.startsWith('full'))).toEqual([])
  })

  test('pull: said', async () => {
    const weights = Buffer.alloc(2 ** 20, 1)
    const commit = '1234567890abcdef1234567890abcdef12345678'
    const hub = createServer((request, response) => {
      if (request.url!.startsWith('/api/')) {
        const siblings = ['config.json', 'tokenizer.json', 'model.safetensors'].map(rfilename => ({
          rfilename,
          size: rfilename.endsWith('json') ? 2 : weights.length,
          blobId: '0'.repeat(20),
        }))
        return void response.writeHead(200, { 'content-type': 'application/json' }).end(
          JSON.stringify({ id: 'made/up', sha: commit, siblings }),
        )
      }
      const body = request.url!.endsWith('json') ? Buffer.from('{}') : weights
      response.writeHead(200, { 'x-repo-commit': commit, etag: '"e"', 'content-length': body.length }).end(
        request.method === 'HEAD' ? undefined : body,
      )
    })
    await new Promise<void>(resolve => void hub.listen(0, '127.0.0.1', resolve))
    const env = {
      HF_ENDPOINT: `http://127.0.0.1:${(hub.address() as AddressInfo).port}`,
      HF_HUB_CACHE: path.join(scratch, 'hub'),
    }
    const { code, stderr } = await run(['pull', 'hf:made/up'], { ...small, env })
    hub.closeAllConnections()
    hub.close()
    expect([code, stderr]).toEqual([1, expect.stringMatching(/EFBIG.*\(ERR_CLIP_FILE_WRITE\)\n$/)])
  })
})

describeOnLinux('a folder that cannot be written to', () => {
  // of the kernel: also for root
  test.each([['convert', ['convert', embedded, '/proc/out.gguf']], ['embed --out', ['embed', picture, '--out',
    '/proc/out.npy']], ['bench --json', ['bench', '--only', 'towers', '--rounds', '1', '--batches', '1', '--towers',
    'text', '--json', '/proc/out.json']]])('%s', async (_, args) => {
      expect(await run(args)).toMatchObject({
        code: 1,
        signal: null,
        stderr: expect.stringMatching(/\/proc\/out.*\(ERR_CLIP_FILE_WRITE\)\n$/) as string,
      })
    })
})

describeOnLinux('few descriptors', () => {
  test('embed of more pictures than can be open: all of them, none is said to be unreadable', async () => {
    const { code, stdout, stderr } = await run(['embed', ...Array<string>(120).fill(picture), '--json'], {
      command: limited('ulimit -n 36'),
    })
    expect([code, stderr]).toEqual([0, ''])
    expect(JSON.parse(stdout)).toHaveLength(120)
  })

  test('a server answers again once connections are given back, and ends', async () => {
    const { child, url, ended } = await serve(['--log-level', 'silent'], { command: limited('ulimit -n 48') })
    const sockets = Array.from(
      { length: 80 },
      () => net.connect(Number(new URL(url).port), '127.0.0.1').on('error', () => undefined),
    )
    await new Promise(resolve => void setTimeout(resolve, 500))
    for (const socket of sockets) socket.destroy()
    await until(() => embed(url).then(status => status === 200, () => false))
    child.kill('SIGTERM')
    expect(await ended).toMatchObject({ code: 0, signal: null })
  })
})
