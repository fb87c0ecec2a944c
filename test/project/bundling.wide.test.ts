/** Runtimes and bundlers that read the installed package in their own way; docs/bundling.md has a paragraph for each. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { nodeFileTrace } from '@vercel/nft'
import { build } from 'esbuild'

import { addonFile, type ChildOptions, type Ended, report, root, runCommand, sample } from '../lifecycle/support'
import { platform } from './packed'

const scratch = realpathSync(mkdtempSync(join(tmpdir(), 'ggclip-bundling-')))
const app = join(scratch, 'app')
const ggclip = join(app, 'node_modules', 'ggclip')
const binary = join(app, 'node_modules', '@ggclip', platform, 'ggclip.node')
const env = { GGCLIP_ADDON: '' }

/** A program that prints the label of a picture. */
const classify = `
  const clip = await Clip.load(undefined, { threads: 1 })
  const [best] = await clip.classify(${JSON.stringify(sample('rocket.png'))}, ['rocket', 'pizza', 'umbrella'])
  await clip.dispose()`
const program = `const { Clip } = require('ggclip')
void (async () => {${classify}
  console.log(JSON.stringify({ label: best.label }))
})()\n`

function write(name: string, text: string): string {
  writeFileSync(join(app, name), text)
  return join(app, name)
}

const node = (args: string[], options: ChildOptions = {}): Promise<Ended> =>
  runCommand(process.execPath, args, { cwd: app, env, ...options })

/** What an installation is made of; test/project/package.wide.test.ts tests the archives themselves. */
beforeAll(() => {
  for (const name of ['package.json', 'dist', 'models', 'vendor/ggml.json'])
    cpSync(join(root, name), join(ggclip, name), { recursive: true, filter: file => !file.endsWith('.map') })
  mkdirSync(dirname(binary), { recursive: true })
  cpSync(process.env.GGCLIP_ADDON ?? addonFile, binary)
  writeFileSync(join(dirname(binary), 'package.json'), `{ "name": "@ggclip/${platform}", "main": "ggclip.node" }\n`)
  // the dependencies of the checkout, copied: tracing does not follow links out of the application
  const { dependencies } = JSON.parse(readFileSync(join(ggclip, 'package.json'), 'utf8')) as { dependencies: object }
  for (const name of [...Object.keys(dependencies), 'sharp', 'detect-libc', 'semver', '@img'])
    cpSync(join(root, 'node_modules', name), join(app, 'node_modules', name), { recursive: true })
  write('package.json', '{ "name": "app", "private": true }\n')
  write('app.cjs', program)
}, 300_000)
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

describe('runtimes', () => {
  it('worker threads: several at once, and one that is terminated', async () => {
    write(
      'threads.cjs',
      `const { Worker, isMainThread, parentPort } = require('node:worker_threads')
const { Clip } = require('ggclip')
const work = async () => {${classify}
  return best.label
}
if (!isMainThread) void work().then(label => parentPort.postMessage(label))
else void (async () => {
  const start = () => new Worker(__filename)
  const terminated = start()
  const labels = await Promise.all([start(), start()].map(worker => new Promise((resolve, reject) => {
    worker.on('message', resolve).on('error', reject)
  })))
  await terminated.terminate()
  console.log(JSON.stringify([...labels, await work()]))
})()\n`,
    )
    expect(report(await node(['threads.cjs']))).toEqual(['rocket', 'rocket', 'rocket'])
  })

  it('cluster: each process loads its own', async () => {
    write(
      'cluster.cjs',
      `const cluster = require('node:cluster')
if (cluster.isPrimary) {
  const labels = []
  for (let i = 0; i < 2; i++) cluster.fork().on('message', label => labels.push(label))
  let left = 2
  cluster.on('exit', () => --left === 0 && console.log(JSON.stringify(labels)))
} else {
  const { Clip } = require('ggclip')
  void (async () => {${classify}
    process.send(best.label, () => process.exit(0))
  })()
}\n`,
    )
    expect(report(await node(['cluster.cjs']))).toEqual(['rocket', 'rocket'])
  })

  describe("Node's permission model", () => {
    const known = process.allowedNodeEnvironmentFlags
    const flag = known.has('--permission') ? '--permission' : '--experimental-permission'
    const text = `const { Clip } = require('ggclip')
void Clip.load(undefined, { threads: 1 }).then(async clip => {
  console.log(JSON.stringify({ dim: (await clip.encodeText('a rocket')).length }))
}, ({ code, message }) => console.log(JSON.stringify({ code, message })))\n`

    it('needs --allow-addons and the folder of the application', async () => {
      write('permission.cjs', text)
      const ended = await node([flag, '--allow-addons', `--allow-fs-read=${app}/*`, 'permission.cjs'])
      expect(report<{ dim: number }>(ended).dim).toBeGreaterThan(0)
    })

    it('without --allow-addons the error names the flag', async () => {
      write('permission.cjs', text)
      const { code, message } = report<{ code: string; message: string }>(
        await node([flag, `--allow-fs-read=${app}/*`, 'permission.cjs']),
      )
      expect(code).toBe('ERR_CLIP_ADDON_INVALID')
      expect(message).toContain('--allow-addons')
    })
  })
})

describe('bundlers', () => {
  it('@vercel/nft traces the binary and the embedded model, and no sample picture', async () => {
    const { fileList } = await nodeFileTrace([join(app, 'app.cjs')], { base: app })
    const files = [...fileList]
    expect(files).toContain(`node_modules/@ggclip/${platform}/ggclip.node`)
    expect(files).toContain('node_modules/ggclip/models/emoji-clip.gguf')
    expect(files).toContain('node_modules/ggclip/models/clip-merges.txt.br')
    expect(files).toContain('node_modules/ggclip/vendor/ggml.json')
    expect(files.filter(file => file.includes('models/samples/'))).toEqual([])
    // and what was traced is enough
    const copy = join(scratch, 'traced')
    for (const file of files) cpSync(join(app, file), join(copy, file), { recursive: true })
    expect(report(await node(['app.cjs'], { cwd: copy }))).toEqual({ label: 'rocket' })
  }, 300_000)

  it.each(['cjs', 'esm'] as const)('esbuild, ggclip external, as %s', async format => {
    const source = write(
      `source-${format}.mjs`,
      `import { Clip } from 'ggclip'
const main = async () => {${classify}
  console.log(JSON.stringify({ label: best.label }))
}
void main()\n`,
    )
    const outfile = join(app, `bundle.${format === 'cjs' ? 'cjs' : 'mjs'}`)
    const { warnings } = await build({
      entryPoints: [source],
      bundle: true,
      platform: 'node',
      format,
      outfile,
      external: ['ggclip'],
      logLevel: 'silent',
    })
    expect(warnings).toEqual([])
    expect(report(await node([outfile]))).toEqual({ label: 'rocket' })
  })
})
