/** examples/electron without Electron: its calls as messages, over a channel that copies them as processes do; its packing. */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync,
  writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MessageChannel, type MessagePort } from 'node:worker_threads'

import { createPackageWithOptions, extractFile } from '@electron/asar'

jest.mock('ggclip', () => require('../../lib/index') as object, { virtual: true })

const root = join(__dirname, '..', '..')
const app = join(root, 'examples', 'electron')
const read = (file: string): string => readFileSync(join(app, file), 'utf8')
interface Calls {
  call(method: string, ...args: unknown[]): Promise<any>
  receive(message: object): void
  fail(reason: string): void
}
const { answerOn, callsBy } = require(join(app, 'src', 'messages.cjs')) as {
  answerOn(port: MessagePort, opening: Promise<unknown>): (message: unknown) => Promise<void>
  callsBy(send: (message: object) => void, onEvent: (event: { event: string }) => void): Calls
}

describe('the search of the app', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ggclip-electron-'))
  const pictures = join(folder, 'pictures')
  const events: string[] = []
  const { port1, port2 } = new MessageChannel()
  let search: { close(): Promise<void> }
  let calls: Calls

  beforeAll(async () => {
    mkdirSync(pictures)
    const samples = join(root, 'models', 'samples')
    for (const name of readdirSync(samples).filter(each => /\.(png|jpg|webp)$/.test(each)))
      copyFileSync(join(samples, name), join(pictures, name))
    copyFileSync(join(samples, 'rocket.png'), join(pictures, 'same rocket.png'))
    const { PictureSearch } = require(join(app, 'src', 'picture-search.cjs')) as {
      PictureSearch: { open(options: object): Promise<typeof search> }
    }
    const opening = PictureSearch.open({
      folder: join(folder, 'index'),
      notify: (event: object) => port1.postMessage(event),
    })
    const answer = answerOn(port1, opening)
    port1.on('message', message => void answer(message))
    calls = callsBy(message => port2.postMessage(message), ({ event }) => events.push(event))
    port2.on('message', message => calls.receive(message as object))
    search = await opening
  })
  afterAll(async () => {
    await search.close()
    port1.close()
    rmSync(folder, { recursive: true })
  })

  it('indexes a folder that was dropped, and says how it goes', async () => {
    expect(await calls.call('add', [pictures])).toEqual({ folders: [pictures], pictures: 18, failed: 0 })
    expect(events).toContain('progress')
    expect(events.at(-1)).toBe('idle')
  })

  it('finds by words and by a picture, and groups duplicates', async () => {
    const [pizza] = await calls.call('byWords', 'a slice of pizza')
    expect(pizza).toMatchObject({ path: join(pictures, 'pizza.webp') })
    const [rocket] = await calls.call('byPicture', join(pictures, 'rocket.png'))
    expect(rocket).toMatchObject({ path: join(pictures, 'rocket.png'), copies: [join(pictures, 'same rocket.png')] })
    const [group] = await calls.call('duplicates')
    expect([group.keep, ...group.others].map(file => file.path).sort()).toEqual(
      ['rocket.png', 'same rocket.png'].map(name => join(pictures, name)),
    )
  })

  it('answers errors with their code, and nothing but its own methods', async () => {
    await expect(calls.call('byPicture', join(pictures, 'absent.png'))).rejects.toMatchObject({
      code: 'ERR_CLIP_FILE_NOT_FOUND',
    })
    await expect(calls.call('close')).rejects.toThrow("no method 'close'")
    await expect(calls.call('constructor')).rejects.toThrow("no method 'constructor'")
  })

  it('forgets a folder', async () => {
    expect(await calls.call('forget', pictures)).toEqual({ folders: [], pictures: 0, failed: 0 })
  })

  it('refuses what a process that has ended will not answer', async () => {
    const lost = callsBy(() => undefined, () => undefined)
    const call = lost.call('state')
    lost.fail('it has ended')
    await expect(call).rejects.toThrow('it has ended')
    // nor what is asked before there is another
    await expect(lost.call('state')).rejects.toThrow('it has ended')
  })
})

describe('the app', () => {
  const methods = (file: string): string[] =>
    [.../const methods = (?:new Set\()?\[([^\]]*)\]/.exec(read(file))![1]!.matchAll(/'(\w+)'/g)].map(([, name]) =>
      name!
    )

  it('lets the page call what the search answers', () => {
    expect(methods('src/main.cjs')).toEqual(methods('src/messages.cjs'))
    const called = [...read('src/page/page.js').matchAll(/pictures\.call\('(\w+)'/g)].map(([, name]) => name!)
    expect(called.length).toBeGreaterThan(5)
    for (const name of called) expect(methods('src/main.cjs')).toContain(name)
  })

  it('shuts the page off from Node and from the network', () => {
    expect(read('src/main.cjs')).toMatch(/sandbox: true, contextIsolation: true/)
    expect(read('src/main.cjs')).not.toContain('nodeIntegration')
    expect(read('src/page/index.html')).toContain("default-src 'none'")
    expect(read('src/page/page.js')).not.toMatch(/innerHTML|\beval\b/)
  })

  it('packs its sources and packages alone, by Forge, too', () => {
    const { packagerConfig } = require(join(app, 'forge.config.cjs')) as { packagerConfig: { ignore: RegExp[] } }
    const isPacked = (file: string): boolean => !packagerConfig.ignore.some(pattern => pattern.test(file))
    for (
      const file of ['', '/src', '/src/page/index.html', '/node_modules', '/node_modules/ggclip/dist/index.js',
        '/package.json']
    ) expect([file, isPacked(file)]).toEqual([file, true])
    // what electron-builder made, with a whole Electron, and what somebody keeps there
    for (
      const file of ['/dist', '/dist/linux-unpacked/resources/app.asar', '/forge.config.cjs', '/package.json.orig',
        '/package-lock.json', '/.env', '/srcs']
    ) expect([file, isPacked(file)]).toEqual([file, false])
  })

  it('keeps native code and the model out of the archive, in both ways of packing, and JavaScript in it', async () => {
    const unpacked = require(join(app, 'unpacked.cjs')) as string[]
    expect(require(join(app, 'electron-builder.config.cjs'))).toMatchObject({ asar: true, asarUnpack: unpacked })
    const { packagerConfig } = require(join(app, 'forge.config.cjs')) as {
      packagerConfig: { asar: { unpack: string } }
    }
    const beside = ['@ggclip/linux-x64-glibc/ggclip.node', 'ggclip/models/emoji-clip.gguf',
      '@libsql/linux-x64-gnu/index.node', '@img/sharp-linux-x64/lib/sharp-linux-x64.node',
      '@img/sharp-libvips-linux-x64/lib/libvips-cpp.so.8.17.2'].map(file => `node_modules/${file}`)
    const inside = ['node_modules/ggclip/dist/index.js', 'node_modules/ggclip/models/samples/pizza.webp',
      'src/main.cjs']
    const folder = mkdtempSync(join(tmpdir(), 'ggclip-asar-'))
    try {
      const source = join(folder, 'app')
      for (const file of [...beside, ...inside]) {
        mkdirSync(join(source, file, '..'), { recursive: true })
        writeFileSync(join(source, file), file)
      }
      const archive = join(folder, 'app.asar')
      await createPackageWithOptions(source, archive, packagerConfig.asar)
      const isBeside = (file: string): boolean => existsSync(join(`${archive}.unpacked`, file))
      expect(beside.filter(file => !isBeside(file))).toEqual([])
      expect(inside.filter(isBeside)).toEqual([])
      for (const file of inside) expect(extractFile(archive, file).toString()).toBe(file)
    } finally {
      rmSync(folder, { recursive: true })
    }
    expect(/^\{(.*)\}$/.exec(packagerConfig.asar.unpack)?.[1]?.split(',')).toEqual(unpacked)
    const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> }
    const own = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      version: string
      peerDependencies: Record<string, string>
    }
    expect(dependencies).toEqual({ ggclip: `^${own.version}`, libsql: own.peerDependencies.libsql })
  })
})
