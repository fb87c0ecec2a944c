/** Runs of the built command line, in a folder of the test's own. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { oracle } from '../helpers/oracle'

export const root = path.join(__dirname, '..', '..')
export const main = path.join(root, 'dist', 'cli', 'main.js')
export const model = path.join(oracle, 'models', 'hf-clip-tiny')
export const inModel = ['--model', model]

/** Where the commands run; removed after the tests. */
export const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-cli-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

interface Result {
  status: number | null
  stdout: string
  stderr: string
}

interface RunOptions {
  input?: string | Buffer
  env?: Record<string, string>
  /** Called once the command is started, instead of giving it its input. */
  during?: (child: ReturnType<typeof spawn>) => void
}

export function ggclip(args: string[], { input = '', env = {}, during }: RunOptions = {}): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, ...args], { cwd: scratch, env: { ...process.env, ...env } })
    const result = { stdout: '', stderr: '' }
    child.stdout.on('data', (chunk: Buffer) => (result.stdout += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (result.stderr += chunk.toString()))
    child.stdin.on('error', () => undefined)
    child.on('error', reject)
    child.on('close', status => resolve({ status, ...result }))
    if (during) during(child)
    else child.stdin.end(input)
  })
}

export async function json<T>(args: string[], options?: RunOptions): Promise<T> {
  const { status, stdout, stderr } = await ggclip([...args, '--json'], options)
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  return JSON.parse(stdout) as T
}
