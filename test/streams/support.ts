/** `ggclip` as a process whose streams fail, stand still or go away. */
import { type ChildProcess, execFileSync, spawn, type StdioOptions } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { where } from '../helpers/skips'

export const root = path.join(__dirname, '..', '..')
export const main = path.join(root, 'dist', 'cli', 'main.js')
export const embedded = path.join(root, 'models', 'emoji-clip.gguf')
export const picture = path.join(root, 'models', 'samples', 'rocket.png')
export const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-streams-'))

/** Devices and signals as Linux has them. */
export const describeOnLinux = where('linux', describe)

const children = new Set<ChildProcess>()
afterAll(() => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(scratch, { recursive: true, force: true })
})

export interface Ended {
  code: number | null
  signal: string | null
  stdout: string
  stderr: string
}

export interface Running {
  child: ChildProcess
  stdout(): string
  ended: Promise<Ended>
}

/** @param command what runs Node; default: Node itself. `timeoutMs`: then it is killed, and `signal` is SIGKILL. */
export function start(
  args: string[],
  { stdio = ['ignore', 'pipe', 'pipe'] as StdioOptions, command = [process.execPath], env = {}, timeoutMs = 30_000 } =
    {},
): Running {
  const child = spawn(command[0]!, [...command.slice(1), main, ...args], {
    cwd: scratch,
    stdio,
    env: { ...process.env, ...env },
  })
  children.add(child)
  let [stdout, stderr] = ['', '']
  child.stdout?.on('data', chunk => {
    stdout += chunk
  })
  child.stderr?.on('data', chunk => {
    stderr += chunk
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
  const ended = new Promise<Ended>(resolve =>
    void child.on('close', (code, signal) => {
      clearTimeout(timer)
      children.delete(child)
      resolve({ code, signal, stdout, stderr })
    })
  )
  return { child, stdout: () => stdout, ended }
}

export const run = (...args: Parameters<typeof start>): Promise<Ended> => start(...args).ended

/** Starts `ggclip serve`; resolves when it says where it listens. */
export async function serve(
  args: string[] = [],
  options: Parameters<typeof start>[1] = {},
): Promise<Running & { url: string; pid: number }> {
  const running = start(['serve', '--port', '0', '--threads', '1', '--json', ...args], options)
  await until(() => running.stdout().includes('\n') || running.child.exitCode !== null)
  return { ...running, ...JSON.parse(running.stdout()) as { url: string; pid: number } }
}

export const embed = async (url: string): Promise<number> => {
  const response = await fetch(`${url}/v1/embeddings`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"input":"a"}',
    signal: AbortSignal.timeout(5000),
  })
  await response.arrayBuffer()
  return response.status
}

/** A pipe that is full and that nobody reads; the descriptor to write to it. */
export function stalledPipe(name: string): number {
  const file = path.join(scratch, name)
  execFileSync('mkfifo', [file])
  // open for reading, too: there is a reader that does nothing
  const both = openSync(file, constants.O_RDWR | constants.O_NONBLOCK)
  try {
    for (;;) writeSync(both, Buffer.alloc(4096))
  } catch { /* full */ }
  const fd = openSync(file, 'w')
  stalled.push(both, fd)
  return fd
}
const stalled: number[] = []
afterAll(() => stalled.forEach(fd => closeSync(fd)))

export async function until(holds: () => boolean | Promise<boolean>, ms = 20_000): Promise<void> {
  for (const end = Date.now() + ms; !(await holds());) {
    if (Date.now() > end) throw new Error('waited in vain')
    await new Promise(resolve => void setTimeout(resolve, 2))
  }
}
