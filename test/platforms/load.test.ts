/** Binaries that do not fit: one error says why, before the system's loader ends the process or names the wrong cause. */
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, truncateSync,
  writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { where } from '../helpers/skips'
import { addonFile, report, root, runCommand } from '../lifecycle/support'
import { ownPlatform } from '../project/packed'

const scratch = realpathSync(mkdtempSync(join(tmpdir(), 'ggclip load äöü ')))
const ggclip = join(scratch, 'node_modules', 'ggclip')
const name = `@ggclip/${ownPlatform()}`
const binary = join(scratch, 'node_modules', name, 'ggclip.node')
const built = process.env.GGCLIP_ADDON ?? addonFile
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }

const writeManifest = (its = version): void =>
  writeFileSync(join(dirname(binary), 'package.json'), JSON.stringify({ name, version: its, main: 'ggclip.node' }))

beforeAll(() => {
  for (const part of ['package.json', 'dist', 'models/emoji-clip.gguf'])
    cpSync(join(root, part), join(ggclip, part), { recursive: true, filter: file => !file.endsWith('.map') })
  mkdirSync(dirname(binary), { recursive: true })
  writeFileSync(
    join(scratch, 'load.cjs'),
    `require('ggclip').Clip.load(undefined, { threads: 1 }).then(
      clip => clip.dispose().then(() => console.log('{}')),
      ({ code, message }) => console.log(JSON.stringify({ code, message })),
    )\n`,
  )
})
beforeEach(() => {
  copyFileSync(built, binary)
  writeManifest()
})
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

async function load(execArgv: string[] = [], env: Record<string, string> = {}) {
  const args = [...execArgv, 'load.cjs']
  return report(await runCommand(process.execPath, args, { cwd: scratch, env: { GGCLIP_ADDON: '', ...env } }))
}
const refused = (why: string, of = name): object => ({
  code: 'ERR_CLIP_ADDON_INVALID',
  message: expect.stringMatching(`^${of} was found but could not be loaded: ${why}`) as string,
})

test('one that fits', async () => {
  expect(await load()).toEqual({})
})

where('linux', describe)("on Linux, whose loader looks at nothing but a file's beginning", () => {
  it.each([0.02, 0.3, 0.8, 0.999])('copied in part: %d', async part => {
    truncateSync(binary, Math.floor(readFileSync(built).length * part))
    expect(await load()).toEqual(refused('it is damaged: \\d+ bytes of at least \\d+ are there; install it again$'))
  })

  it.each([0, 10, 63])('%d bytes', async length => {
    truncateSync(binary, length)
    expect(await load()).toEqual(refused('.*file too short$'))
  })

  it('for another CPU, also in 32 bits and with the other order of bytes', async () => {
    const content = readFileSync(built)
    content.writeUInt16LE(process.arch === 'arm64' ? 62 : 183, 18)
    writeFileSync(binary, content)
    const other = process.arch === 'arm64' ? 'x64' : 'arm64'
    expect(await load()).toEqual(refused(`it is for ${other}, and this process is ${process.arch}$`))
    content[5] = 2
    writeFileSync(binary, content)
    expect(await load()).toEqual(refused(''))
    // armv7's header, as in its binary, without segments
    const small = Buffer.alloc(64)
    small.write('\x7fELF\x01\x01\x01', 'latin1')
    small.writeUInt16LE(40, 18)
    writeFileSync(binary, small)
    expect(await load()).toEqual(refused('it is for arm, '))
  })

  it('a folder, and a file of something else', async () => {
    writeFileSync(binary, 'x'.repeat(1000))
    expect(await load()).toEqual(refused('.*invalid ELF header$'))
    rmSync(binary)
    mkdirSync(binary)
    expect(await load()).toMatchObject({ code: 'ERR_CLIP_ADDON_MISSING' })
    rmSync(binary, { recursive: true })
  })
})

test('of another version, which stays when it was installed by its name', async () => {
  writeManifest('0.0.9')
  expect(await load()).toEqual(
    refused(`it has version 0.0.9, and ggclip ${version}: "npm install ${name}@${version}"$`),
  )
})

test('another addon, and what GGCLIP_ADDON names', async () => {
  const other = join(scratch, 'other.cjs')
  writeFileSync(other, 'exports.build = () => 1\n')
  const why = 'it is no addon of this version of ggclip: without errorCodes, loadModel, '
  expect(await load([], { GGCLIP_ADDON: other })).toEqual(refused(why, other))
  writeFileSync(other, 'module.exports = null\n')
  expect(await load([], { GGCLIP_ADDON: other })).toEqual(refused(why.replace('without', 'without build,'), other))
  expect(await load([], { GGCLIP_ADDON: binary })).toEqual({})
})

test('node --no-addons, and a permission model that allows a part of the packages', async () => {
  expect(await load(['--no-addons'])).toEqual(refused('node was started with --no-addons$'))
  const isStrict = process.allowedNodeEnvironmentFlags.has('--permission')
  const allowed = [join(scratch, 'load.cjs'), join(ggclip, '*')].map(each => `--allow-fs-read=${each}`)
  const flags = [isStrict ? '--permission' : '--experimental-permission', '--allow-addons', ...allowed]
  // the model of Node 20 lets require() read what it likes
  expect(await load(flags)).toEqual(
    isStrict ? refused(`Node's permission model forbids reading '.*${name}.*'; start node with --allow-fs-read`) : {},
  )
})
