/** `ggclip build`: compiles the addon where no published binary suits. */
import { spawn } from 'node:child_process'
import path from 'node:path'

import { packageRoot } from '../../package.js'
import { addExamples } from '../options.js'
import type { Verb } from '../run.js'
import type { Shell } from '../shell.js'

export const build: Verb = (program, shell) => {
  const command = program.command('build')
    .summary('compile the native addon')
    .description(`Compiles the native addon from the package's own sources, for a platform without a published binary.

Needs CMake 3.18, a C++17 compiler, and make or ninja; says first what is missing. Needs no network. GGCLIP_CMAKE_ARGS
adds CMake definitions. What is compiled is preferred to the published binary.`)
    .action(() => run(shell))
  addExamples(command, [
    ['compile for this machine', 'ggclip build'],
  ])
}

async function run(shell: Shell): Promise<void> {
  const script = path.join(packageRoot, 'scripts', 'build-from-source.cjs')
  // a process group of its own, so that CMake and the compilers end with it
  const ownGroup = process.platform !== 'win32'
  const child = spawn(process.execPath, [script], { stdio: ['ignore', 'inherit', 'inherit'], detached: ownGroup })
  const stop = (): void => void (ownGroup && child.pid ? process.kill(-child.pid, 'SIGINT') : child.kill())
  shell.signal.addEventListener('abort', stop, { once: true })
  const status = await new Promise<number>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', code => resolve(code ?? 1))
  })
  shell.signal.removeEventListener('abort', stop)
  shell.signal.throwIfAborted()
  if (status !== 0) shell.exitStatus = 1
}
