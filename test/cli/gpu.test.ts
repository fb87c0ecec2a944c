/** GPU backends of other packages: how they are found, refused and reported. What they compute: test/native/modules-test.cpp. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

const root = path.join(__dirname, '..', '..')
const main = path.join(root, 'dist', 'cli', 'main.js')
const { version } = require('../../vendor/ggml.json') as { version: string }
const application = mkdtempSync(path.join(tmpdir(), 'ggclip-gpu-'))
afterAll(() => rmSync(application, { recursive: true, force: true }))

const [os, library] = process.platform === 'win32'
  ? ['win', (kind: string) => `ggml-${kind}.dll`] as const
  : [process.platform === 'darwin' ? 'mac' : 'linux', (kind: string) => `libggml-${kind}.so`] as const
const kind = process.platform === 'darwin' ? 'metal' : 'cuda'
const packageName = `@node-llama-cpp/${os}-${process.arch}-${kind}`

/** A package of node-llama-cpp as it is installed, but for the library's content. */
function install(folder: string): string {
  const own = path.join(folder, 'node_modules', packageName)
  const bins = path.join(own, 'bins', path.basename(packageName))
  mkdirSync(bins, { recursive: true })
  mkdirSync(path.join(own, 'dist'))
  writeFileSync(path.join(own, 'package.json'), JSON.stringify({ exports: { '.': { node: './dist/index.js' } } }))
  writeFileSync(path.join(own, 'dist', 'index.js'), '')
  const file = path.join(bins, library(kind))
  writeFileSync(file, 'no library')
  return file
}

/** `program`: what is started, the command line or an application that uses it. */
function info(folder: string, device: string, backends?: string, program = main): { stdout: string; stderr: string } {
  const env = { ...process.env, GGCLIP_BACKENDS: backends }
  if (backends === undefined) delete env.GGCLIP_BACKENDS
  return spawnSync(process.execPath, [program, 'info', '--device', device], { cwd: folder, encoding: 'utf8', env })
}

// Metal is part of the binary for macOS
const elsewhere = process.platform === 'darwin' ? describe.skip : describe

elsewhere('a GPU that is not there', () => {
  it('is an error that names the package which adds it', () => {
    const { stderr } = info(application, kind)
    expect(stderr).toContain('ERR_CLIP_DEVICE_UNAVAILABLE')
    expect(stderr).toContain(`"npm install ${packageName}@${version}" adds it`)
  })

  it('says why an installed module was refused, once it was asked for; auto uses the CPU', () => {
    const folder = path.join(application, 'installed')
    mkdirSync(folder)
    const program = path.join(folder, 'application.cjs')
    writeFileSync(program, `require(${JSON.stringify(main)})`)
    const module = install(folder)
    const { stderr } = info(application, kind, undefined, program)
    expect(stderr).toContain(module)
    expect(stderr).not.toContain('npm install')
    const auto = info(application, 'auto', undefined, program).stdout.split('\n')
    expect(auto.find(line => line.startsWith('device\t'))).toContain('CPU')
    expect(auto.find(line => line.startsWith('GPU not used\t'))).toContain(module)
    expect(info(application, 'cpu', undefined, program).stdout).not.toContain('GPU')
  })

  it('loads nothing from the working directory, which need not exist', () => {
    const folder = path.join(application, 'installed')
    expect(info(folder, 'auto').stdout).not.toContain('GPU')
    expect(info(folder, kind).stderr).toContain('npm install')
    const code = `process.chdir(${JSON.stringify(mkdtempSync(path.join(application, 'gone-')))})
      require('node:fs').rmdirSync(process.cwd())
      require(${JSON.stringify(path.join(root, 'dist', 'index.js'))}).Clip.load()
        .then(clip => clip.dispose()).then(() => console.log('loaded'))`
    const { stdout, stderr } = spawnSync(process.execPath, ['-e', code], { encoding: 'utf8' })
    expect({ stdout, stderr }).toEqual({ stdout: 'loaded\n', stderr: '' })
  })

  it('takes GGCLIP_BACKENDS instead of packages; an empty one is none', () => {
    const folder = path.join(application, 'installed')
    const own = [path.join(folder, 'a.so'), path.join(folder, 'b.so')]
    const { stderr } = info(folder, kind, own.join(path.delimiter))
    for (const file of own) expect(stderr).toContain(file)
    expect(stderr).not.toContain('@node-llama-cpp')
    expect(info(folder, 'auto', '').stdout).not.toContain('GPU')
  })
})
