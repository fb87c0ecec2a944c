// The servers under load: separate processes, so that the load generator does not use their event loop.
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'

const root = path.join(import.meta.dirname, '..', '..')

/** Starts a server that prints one JSON line with its url once it is ready. */
function start(name, file, args) {
  const child = spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  // no server is left behind, however this process ends
  process.once('exit', () => child.kill('SIGKILL'))
  return new Promise((resolve, reject) => {
    let out = ''
    const ended = new Promise(done => child.once('close', done))
    child.once('close', code => reject(new Error(`${name} ended with ${code} before it was ready`)))
    child.stdout.on('data', chunk => {
      out += chunk
      const line = out.split('\n').find(text => text.startsWith('{'))
      if (line === undefined || !out.includes('\n')) return
      const stop = async () => {
        child.kill('SIGTERM')
        await ended
      }
      resolve({ name, url: JSON.parse(line).url, pid: child.pid, stop })
    })
  })
}

export function startGgclip({ name = 'ggclip', model, dtype, threads, extra = [] }) {
  const main = path.join(root, 'dist', 'cli', 'main.js')
  const weights = dtype ? ['--dtype', dtype] : []
  const source = model ? ['--model', `bench=${model}`] : []
  return start(name, main, ['serve', '--port', '0', '--json', '--log-level', 'error', '--threads', String(threads),
    ...source, ...weights, ...extra])
}

/** undefined unless bench/peers/install.sh has been run. */
export function startPeer({ threads, quantised }) {
  const onnx = path.join(root, 'build', 'bench', 'vit-b-32-onnx')
  const installed = fs.existsSync(path.join(root, 'bench', 'peers', 'node_modules', '@huggingface', 'transformers'))
  if (!installed || !fs.existsSync(path.join(onnx, 'onnx', 'vision_model.onnx'))) return undefined
  return start('transformers.js', path.join(import.meta.dirname, 'peer.mjs'), ['--model', onnx, '--threads',
    String(threads), ...(quantised ? ['--quantised'] : [])])
}

// an 'exit' handler runs only if the process ends by itself
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => process.exit(1))
