/** What the commands do when stdout or stderr fails, and when a signal comes. */
import { execFileSync } from 'node:child_process'
import { closeSync, constants, existsSync, openSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'

import { describeOnLinux, embedded, type Ended, picture, run, scratch, serve, stalledPipe, start,
  until } from './support'

const oneLine = /^ggclip: standard output cannot be written: .*\(ERR_CLIP_FILE_WRITE\)\n$/

/** What a command says of its own (files written) stands before. */
const lastLine = ({ stderr }: Ended): string => stderr.split('\n').slice(-2).join('\n')

describeOnLinux('stdout that cannot take everything', () => {
  const commands: [string, string[]][] = [
    ['help', ['--help']],
    ['version', ['--version']],
    ['embed', ['embed', picture]],
    ['embed --out', ['embed', picture, '--out', 'a.npy']],
    ['tokenize --json', ['tokenize', 'a', '--json']],
    ['models', ['models', '--json']],
    ['convert', ['convert', embedded, 'a.gguf', '--json']],
    ['serve', ['serve', '--port', '0', '--json', '--log-level', 'silent']],
  ]
  test.each(commands)('full disk: %s', async (_, args) => {
    const full = openSync('/dev/full', 'w')
    const ended = await run(args, { stdio: ['ignore', full, 'pipe'] })
    closeSync(full)
    expect({ ...ended, stderr: lastLine(ended) }).toEqual({
      code: 1,
      signal: null,
      stdout: '',
      stderr: expect.stringMatching(oneLine) as string,
    })
  })

  test('a disk with room for a part of the last line only: a failure, not a shorter file', async () => {
    const out = path.join(scratch, 'part.json')
    const limited = ['sh', '-c', `ulimit -f 1; exec "$@" > ${out}`, 'sh', process.execPath]
    const ended = await run(['models', '--json'], { command: limited })
    expect([ended.code, ended.stderr]).toEqual([1, expect.stringMatching(oneLine)])
    expect(statSync(out).size).toBeLessThanOrEqual(1024)
    expect(
      (await run(['models', '--json'], { command: ['sh', '-c', `exec "$@" > ${out}`, 'sh', process.execPath] })).code,
    ).toBe(0)
    expect(() => JSON.parse(readFileSync(out, 'utf8')) as unknown).not.toThrow()
  })

  test('a reader that leaves: no failure, nothing said', async () => {
    const texts = Array.from({ length: 3000 }, (_, i) => `text ${i}`)
    const { child, ended } = start(['embed', '--text', ...texts])
    child.stdout!.once('data', () => child.stdout!.destroy())
    expect(await ended).toMatchObject({ code: 0, signal: null, stderr: '' })
  })

  test('a reader of the list of embed --out that leaves does not cost the file', async () => {
    const { child, ended } = start(['embed', '--text', 'a', 'b', '--out', 'kept.npy'])
    child.stdout!.destroy()
    expect((await ended).code).toBe(0)
    expect(readdirSync(scratch).filter(name => name.startsWith('kept'))).toEqual(['kept.npy'])
  })

  test('a reader that stands still: waited for, until Ctrl-C', async () => {
    const { child, ended } = start(['embed', '--text', 'a', 'b', '--out', 'still.npy'], {
      stdio: ['ignore', stalledPipe('still-stdout'), 'pipe'],
    })
    // the list of it is written next
    await until(() => existsSync(path.join(scratch, 'still.npy')))
    await new Promise(resolve => void setTimeout(resolve, 1000))
    expect(child.exitCode).toBeNull()
    child.kill('SIGINT')
    expect(await ended).toMatchObject({ code: 130, signal: null })
  })
})

describeOnLinux('stderr that cannot take everything', () => {
  test.each([['/dev/full', () => openSync('/dev/full', 'w')], ['a full pipe that nobody reads', () =>
    stalledPipe('still-stderr')]])('%s: the exit status stays', async (_, open) => {
      const fd = open()
      const [failed, wrong, good] = await Promise.all(
        [['embed', 'missing.png'], ['embed', '--wrong'], ['convert', embedded, 'c.gguf']].map(args =>
          run(args, { stdio: ['ignore', 'pipe', fd] })
        ),
      )
      expect([failed!.code, wrong!.code, good!.code]).toEqual([1, 2, 0])
    })
})

describeOnLinux('signals', () => {
  const statuses: [NodeJS.Signals, number][] = [['SIGINT', 130], ['SIGTERM', 143], ['SIGHUP', 129]]

  test.each(statuses)('%s while a file is written: nothing of it is left', async (signal, status) => {
    const { child, ended } = start(['convert', embedded, `${signal}.gguf`, '--dtype', 'f32'])
    await until(() => readdirSync(scratch).some(name => name.startsWith(`${signal}.gguf`)) || child.exitCode !== null)
    child.kill(signal)
    const { code } = await ended
    // it may have been done already
    expect([status, 0]).toContain(code)
    expect(readdirSync(scratch).filter(name => name.startsWith(signal))).toEqual(code === 0 ? [`${signal}.gguf`] : [])
    rmSync(path.join(scratch, `${signal}.gguf`), { force: true })
  })

  test('while work waits for ever that nothing can stop: ended all the same', async () => {
    const fifo = path.join(scratch, 'fifo.png')
    execFileSync('mkfifo', [fifo])
    const { child, ended } = start(['embed', fifo])
    // a pipe whose writer says nothing: it can be opened so once there is a reader
    let writer: number | undefined
    await until(() => {
      try {
        writer = openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK)
      } catch { /* not yet */ }
      return writer !== undefined
    })
    const began = Date.now()
    child.kill('SIGTERM')
    expect(await ended).toMatchObject({ code: 143, signal: null, stderr: 'ggclip: interrupted\n' })
    expect(Date.now() - began).toBeLessThan(8000)
    closeSync(writer!)
  })

  test('a pipe is no model: said, not waited for', async () => {
    execFileSync('mkfifo', [path.join(scratch, 'pipe.gguf')])
    for (const args of [['convert', 'pipe.gguf', 'd.gguf'], ['info', '--model', 'pipe.gguf']]) {
      expect(await run(args)).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('ERR_CLIP_FILE_NOT_FOUND') as string,
      })
    }
  })
})

describeOnLinux('signals to a server', () => {
  /** A hub that takes requests and never answers. */
  const hub = createServer(() => undefined)
  let silent: Record<string, string>
  beforeAll(async () => {
    await new Promise<void>(resolve => void hub.listen(0, '127.0.0.1', resolve))
    silent = {
      HF_ENDPOINT: `http://127.0.0.1:${(hub.address() as AddressInfo).port}`,
      HF_HUB_CACHE: path.join(scratch, 'hub'),
    }
  })
  afterAll(() => {
    hub.closeAllConnections()
    hub.close()
  })

  const statuses: [NodeJS.Signals, number][] = [['SIGINT', 130], ['SIGTERM', 0], ['SIGHUP', 129]]
  test.each(statuses)('%s while the model is fetched', async (signal, status) => {
    const asked = new Promise(resolve => void hub.once('request', resolve))
    const { child, ended } = start(['serve', '--port', '0', '--model', 'hf:made/up', '--log-level', 'silent'], {
      env: silent,
    })
    await asked
    const began = Date.now()
    child.kill(signal)
    expect(await ended).toMatchObject({ code: status, signal: null, stderr: '' })
    expect(Date.now() - began).toBeLessThan(5000)
  })

  test('a request that waits for a model which never comes is refused at the end, within the drain time', async () => {
    const asked = new Promise(resolve => void hub.once('request', resolve))
    const { child, url, ended } = await serve(['--model', 'hf:made/up', '--preload', 'none', '--drain-ms', '300',
      '--log-level', 'silent'], { env: silent })
    const answer = fetch(`${url}/v1/embeddings`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"input":"a"}',
    })
    await asked
    const began = Date.now()
    child.kill('SIGTERM')
    expect((await answer).status).toBe(503)
    expect(await ended).toMatchObject({ code: 0, signal: null })
    expect(Date.now() - began).toBeLessThan(5000)
  })

  test('a second signal does not wait for the drain time', async () => {
    const asked = new Promise(resolve => void hub.once('request', resolve))
    const { child, url, ended } = await serve(['--model', 'hf:made/up', '--preload', 'none', '--log-level', 'silent'], {
      env: silent,
    })
    const answer = fetch(`${url}/v1/embeddings`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"input":"a"}',
    }).catch(() => undefined)
    await asked
    child.kill('SIGTERM')
    await until(() => fetch(`${url}/healthz`).then(() => false, () => true))
    const began = Date.now()
    child.kill('SIGTERM')
    expect(await ended).toMatchObject({ code: 143, signal: null })
    expect(Date.now() - began).toBeLessThan(3000)
    await answer
  })
})
