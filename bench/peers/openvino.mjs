// OpenVINO's Python package in a process of its own; null when it is not installed.
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'

/** GGCLIP_BENCH_PYTHON: a Python with openvino and nncf; default: the one that install.sh made. */
const python = process.env.GGCLIP_BENCH_PYTHON ?? path.join(import.meta.dirname, 'build', 'venv', 'bin', 'python')

export async function openOpenVino(directory, threads, size = 224) {
  if (!fs.existsSync(python)) return null
  const child = spawn(python, [path.join(import.meta.dirname, 'run_openvino.py'), directory, String(threads),
    String(size)], {
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const read = async () => (await lines.next()).value
  let line = await read()
  while (line !== undefined && !line.startsWith('ready ')) line = await read()
  if (line === undefined) return null
  return {
    version: line.split(' ')[1],
    /** @returns {Promise<number>} milliseconds, without the way to the process and back */
    async image(_pixels, n) {
      child.stdin.write(`${n}\n`)
      return Number(await read())
    },
    close: () => child.kill(),
  }
}
