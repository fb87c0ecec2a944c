/** convert and pull where several write, a writer is killed, the disk is full or read-only, descriptors are few. */
import { execFile, spawn, spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { Clip, convert, inspect } from '../../lib/index.js'
import { where } from '../helpers/skips'

jest.setTimeout(60_000)

const root = path.join(__dirname, '..', '..')
const compiled = path.join(root, 'dist', 'index.js')
const embedded = path.join(root, 'models', 'emoji-clip.gguf')
const folder = mkdtempSync(path.join(tmpdir(), 'ggclip-writing-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function scratchFolder(name: string): string {
  const place = path.join(folder, name)
  mkdirSync(place)
  return place
}

/** A conversion in a process of its own, which says what became of it. */
const script = `const { convert } = require(${JSON.stringify(compiled)})
  const [source, output, dtype] = process.argv.slice(1)
  convert(source, output, { dtype }).then(({ bytes }) => console.log('done', bytes), e => console.log(e.code, e.message))`

function outcomeOf(command: string, args: string[]): Promise<string> {
  return new Promise(resolve => execFile(command, args, (_, stdout) => resolve(stdout.trim())))
}

describe('several writers of one file', () => {
  const types = ['q8_0', 'q4_0', 'f16', 'q5_1'] as const

  it('in one process: each succeeds, the last one stays, whole', async () => {
    const output = path.join(scratchFolder('threads'), 'out.gguf')
    const results = await Promise.all(
      [...types, ...types].map(dtype => convert(embedded, output, { dtype, threads: 1 })),
    )
    expect(results.map(({ bytes }) => bytes)).toContain(statSync(output).size)
    expect(readdirSync(path.dirname(output))).toEqual(['out.gguf'])
    await (await Clip.load(output)).dispose()
  })

  it('in several processes', async () => {
    const output = path.join(scratchFolder('processes'), 'out.gguf')
    const said = await Promise.all(
      types.map(dtype => outcomeOf(process.execPath, ['-e', script, embedded, output, dtype])),
    )
    expect(said).toEqual(types.map(() => expect.stringMatching(/^done \d+$/)))
    expect(said).toContain(`done ${statSync(output).size}`)
    expect(readdirSync(path.dirname(output))).toEqual(['out.gguf'])
    await (await Clip.load(output)).dispose()
  })
})

where('posix', describe)('a writer that was killed', () => {
  /** Kills a conversion while its temporary file is there. */
  async function kill(output: string): Promise<string> {
    for (let tries = 0; tries < 20; tries++) {
      const child = spawn(process.execPath, ['-e', script, embedded, output, 'q4_k'], { stdio: 'ignore' })
      const ended = new Promise(resolve => child.on('close', resolve))
      const left = (): string | undefined => readdirSync(path.dirname(output)).find(name => name.endsWith('.tmp'))
      while (left() === undefined && child.exitCode === null) await new Promise(resolve => setImmediate(resolve))
      child.kill('SIGKILL')
      await ended
      const name = left()
      if (name !== undefined) return name
      rmSync(output, { force: true })
    }
    throw new Error('every conversion was faster than its end')
  }

  it('leaves no model; the next run clears it away and works', async () => {
    const here = scratchFolder('killed')
    const output = path.join(here, 'out.gguf')
    const name = await kill(output)
    expect(existsSync(output)).toBe(false)
    await expect(Clip.load(path.join(here, name))).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_CLIP_FILE_/),
    })
    await expect(Clip.load(here)).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_CLIP_/) })
    await convert(embedded, output, { dtype: 'q8_0' })
    expect(readdirSync(here)).toEqual(['out.gguf'])
  })

  it("of the same process id, as in every container: its names are in nobody's way, what is no such file stays", async () => {
    const here = scratchFolder('same-id')
    const others = ['out.gguf.tmp', 'out.gguf.1-x.tmp', 'other.gguf.1-2.tmp', 'out.gguf.12.tmp', 'xout.gguf.1-2.tmp']
    for (const name of others) writeFileSync(path.join(here, name), '')
    for (let i = 0; i < 200; i++) writeFileSync(path.join(here, `out.gguf.${process.pid}-${i}.tmp`), 'half')
    mkdirSync(path.join(here, 'out.gguf.1-1.tmp'))
    await convert(embedded, path.join(here, 'out.gguf'), { dtype: 'q8_0' })
    expect(readdirSync(here).sort()).toEqual([...others, 'out.gguf', 'out.gguf.1-1.tmp'].sort())
  })

  it('a file that somebody still writes stays', async () => {
    const here = scratchFolder('alive')
    const output = path.join(here, 'out.gguf')
    const held = path.join(here, 'out.gguf.1-0.tmp')
    writeFileSync(held, 'being written')
    const holder = spawn('flock', ['-xF', held, 'sh', '-c', 'echo held; exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const absent = await new Promise(resolve => {
      holder.stdout.once('data', () => resolve(false))
      holder.once('error', () => resolve(true))
    })
    if (absent) return // no util-linux, as on macOS
    await convert(embedded, output, { dtype: 'q8_0' })
    expect(readdirSync(here).sort()).toEqual(['out.gguf', 'out.gguf.1-0.tmp'])
    holder.kill('SIGKILL')
  })
})

/** A command in a mount namespace of its own, where `place` is a small file system. */
function onDisk(place: string, mount: string): [string, string[]] {
  return ['unshare', ['-rm', 'sh', '-c', `mount -t tmpfs -o size=600k none "$0" && ${mount}exec "$@"`, place]]
}

where('mounts', describe)('file systems', () => {
  const disks = [['full', '', /ENOSPC|No space left/], ['read-only', 'mount -o remount,ro "$0" && ',
    /EROFS|Read-only file system/]] as const

  it.each(disks)('a %s one: convert says so', (name, mount, message) => {
    const place = scratchFolder(`convert-${name}`)
    const [command, args] = onDisk(place, mount)
    const look =
      `${script}.finally(() => console.log(JSON.stringify(require('node:fs').readdirSync(require('node:path').dirname(output)))))`
    const { stdout } = spawnSync(command, [...args, process.execPath, '-e', look, embedded,
      path.join(place, 'out.gguf'), 'q8_0'], { encoding: 'utf8' })
    const [said, left] = stdout.trim().split('\n')
    expect(said).toMatch(/^ERR_CLIP_FILE_WRITE .*out\.gguf: /)
    expect(said).toMatch(message)
    expect(left).toBe('[]')
  })

  it.each(disks)('a %s one: pull says so, and what to do', async (name, mount, message) => {
    const place = scratchFolder(`pull-${name}`)
    const weights = Buffer.alloc(name === 'full' ? 2 ** 20 : 2 ** 16, 1)
    const siblings = [['config.json', 2], ['tokenizer.json', 2], ['model.safetensors', weights.length]].map((
      [rfilename, size],
    ) => ({ rfilename, size, blobId: '0'.repeat(20) }))
    const hub = createServer((asked, response) => {
      if (asked.url!.startsWith('/api/'))
        return void response.end(JSON.stringify({ id: 'made/up', sha: '1'.repeat(40), siblings }))
      const body = asked.url!.endsWith('json') ? Buffer.from('{}') : weights
      response.writeHead(200, { 'x-repo-commit': '1'.repeat(40), 'etag': '"e"', 'content-length': body.length }).end(
        asked.method === 'HEAD' ? undefined : body,
      )
    })
    await new Promise<void>(resolve => hub.listen(0, '127.0.0.1', resolve))
    const [command, args] = onDisk(place, mount)
    const pull = `require(${
      JSON.stringify(compiled)
    }).pull('made/up').then(() => console.log('done'), e => console.log(e.code, e.message))`
    const env = ['env', `HF_ENDPOINT=http://127.0.0.1:${(hub.address() as AddressInfo).port}`, `HF_HUB_CACHE=${place}`,
      'NO_PROXY=*']
    const said = await outcomeOf(command, [...args, ...env, process.execPath, '-e', pull])
    hub.close()
    hub.closeAllConnections()
    expect(said).toMatch(/^ERR_CLIP_FILE_WRITE /)
    expect(said).toMatch(name === 'full' ? /has \d+ bytes free, and .* needs \d+: make room/ : message)
    expect(said).toMatch(/cacheDir/)
  })
})

where('posix', describe)('few descriptors', () => {
  it('convert works or says so, and leaves nothing', async () => {
    const here = scratchFolder('descriptors')
    copyFileSync(embedded, path.join(here, 'source.gguf'))
    const said = await Promise.all([18, 20, 21, 22, 23, 24, 26, 30].map(count =>
      outcomeOf('sh', [
        '-c',
        `ulimit -n ${count}; exec "$@"`,
        'sh',
        process.execPath,
        '-e',
        script,
        path.join(here, 'source.gguf'),
        path.join(here, `${count}.gguf`),
        'q8_0',
      ])
    ))
    // with the fewest Node itself does not start
    for (const text of said) expect(text).toMatch(/^(?:done \d+|ERR_CLIP_FILE_\w+ .*|)$/)
    expect(said.at(-1)).toMatch(/^done/)
    expect(readdirSync(here).filter(name => !name.endsWith('.gguf'))).toEqual([])
    await Promise.all(readdirSync(here).map(name => inspect(path.join(here, name))))
  })
})
