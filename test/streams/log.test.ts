/** A server whose log cannot be written: it goes on, counts what was lost, and ends when asked. */
import { spawnSync } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'

import { LogStream } from '../../lib/server/observe/log-stream'
import { where } from '../helpers/skips'
import { describeOnLinux, embed, main, serve, stalledPipe } from './support'

const failing = (code: string) => () => {
  throw Object.assign(new Error(code), { code })
}

describe('log lines', () => {
  test('are written as they come; parts go on where they ended', () => {
    let [out, room] = ['', 0]
    const log = new LogStream(bytes => {
      const taken = bytes.subarray(0, room)
      room -= taken.length
      out += taken.toString()
      return taken.length
    })
    log.write('first\n')
    log.write('second\n')
    for (let i = 0; i < 20; i++) {
      room = 1
      log.drain()
    }
    expect([out, log.lost]).toEqual(['first\nsecond\n', 0])
  })

  test.each(['ENOSPC', 'EIO', 'EPIPE', 'EBADF'])(
    '%s: lost and counted; told of when it works again, on a line of its own',
    code => {
      let out = ''
      let works = 3
      const log = new LogStream(bytes => {
        if (works === 0) return failing(code)()
        // the disk has room for a part of the first line
        const taken = Math.min(works, bytes.length)
        if (works < 1000) works -= taken
        out += bytes.subarray(0, taken).toString()
        return taken
      })
      log.write('lost line\n')
      log.write('lost too\n')
      expect([out, log.lost]).toEqual(['los', 2])
      works = 1000
      log.write('kept\n')
      const [torn, kept, notice, rest] = out.split('\n')
      expect([torn, kept, rest]).toEqual(['los', 'kept', ''])
      expect(JSON.parse(notice!)).toMatchObject({ level: 40, name: 'ggclip', lost: 2 })
    },
  )

  test('a reader that stands still: a bounded number of lines waits', async () => {
    let written = 0
    let stalled = true
    const log = new LogStream(bytes => {
      if (stalled) return 0
      written += bytes.length
      return bytes.length
    })
    const line = `${'x'.repeat(1023)}\n`
    for (let i = 0; i < 3000; i++) log.write(line)
    expect(log.lost).toBe(3000 - 1024)
    const began = Date.now()
    await log.flush(50)
    expect(Date.now() - began).toBeGreaterThanOrEqual(45)
    stalled = false
    await log.flush(5000)
    expect(written).toBeGreaterThanOrEqual(2 ** 20)
  })
})

describeOnLinux('a server whose log', () => {
  const lost = async (url: string): Promise<number> =>
    Number(/^ggclip_log_lines_lost_total (\d+)$/m.exec(await (await fetch(`${url}/metrics`)).text())![1])

  test('is on a full disk', async () => {
    const full = openSync('/dev/full', 'w')
    const { child, url, ended } = await serve([], { stdio: ['ignore', 'pipe', full] })
    closeSync(full)
    expect([await embed(url), await embed(url)]).toEqual([200, 200])
    expect(await lost(url)).toBeGreaterThan(2)
    child.kill('SIGTERM')
    expect(await ended).toMatchObject({ code: 0, signal: null })
  })

  test('goes to a reader that stands still', async () => {
    const { child, url, ended } = await serve(['--log-level', 'debug'], {
      stdio: ['ignore', 'pipe', stalledPipe('log')],
    })
    // more than waits
    const path = `/${'x'.repeat(15_000)}`
    for (let i = 0; i < 20; i++) expect((await fetch(url + path)).status).toBe(404)
    expect(await embed(url)).toBe(200)
    child.kill('SIGTERM')
    expect(await ended).toMatchObject({ code: 0, signal: null })
  })

  test('goes to a reader that has gone', async () => {
    const { child, url, ended } = await serve()
    child.stderr!.destroy()
    expect([await embed(url), await embed(url), await embed(url)]).toEqual([200, 200, 200])
    expect(await lost(url)).toBeGreaterThan(0)
    child.kill('SIGTERM')
    expect(await ended).toMatchObject({ code: 0, signal: null })
  })

  where('python', test)('goes to a terminal that is closed', () => {
    const script = `
import json, os, pty, signal, subprocess, sys, urllib.request
master, slave = pty.openpty()
child = subprocess.Popen([sys.argv[1], sys.argv[2], 'serve', '--port', '0', '--threads', '1', '--json'], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=slave, start_new_session=True)
url = json.loads(child.stdout.readline())['url']
os.close(slave)
def ask():
    request = urllib.request.Request(url + '/v1/embeddings', data=b'{"input":"a"}', headers={'content-type': 'application/json'})
    return urllib.request.urlopen(request, timeout=10).status
before = ask()
os.close(master)
after = [ask(), ask(), ask()]
child.send_signal(signal.SIGTERM)
print(json.dumps([before, after, child.wait(20)]))`
    const { stdout, stderr } = spawnSync('python3', ['-c', script, process.execPath, main], {
      encoding: 'utf8',
      timeout: 50_000,
    })
    expect([stdout, stderr]).toEqual(['[200, [200, 200, 200], 0]\n', ''])
  })
})
