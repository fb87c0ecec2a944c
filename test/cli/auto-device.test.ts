/** `device: 'auto'` with the simulated GPU of the native tests, which npm run test:native builds. */
import { spawnSync } from 'node:child_process'
import path from 'node:path'

const root = path.join(__dirname, '..', '..')
const library = path.join(root, 'dist', 'index.js')
const pretended = path.join(root, 'build', 'cmake', 'Release', 'libpretended-module.so')

interface Loaded {
  device: string
  deviceReason: string
  sessions: number
  ms: number
}

/** Loads the embedded model's text encoder `times` times with these options, on a simulated GPU of that kind. */
function load(kind: string, options: object = {}, env: NodeJS.ProcessEnv = {}, times = 1): Loaded[] {
  const code = `const { Clip } = require(${JSON.stringify(library)})
    async function main() {
      const loaded = []
      for (let i = 0; i < ${times}; i++) {
        const began = performance.now()
        const clip = await Clip.load(undefined, ${JSON.stringify({ towers: 'text', ...options })})
        const { device, deviceReason, sessions } = clip.info
        loaded.push({ device, deviceReason, sessions, ms: performance.now() - began })
        await clip.encodeText('a rocket')
        await clip.dispose()
      }
      console.log(JSON.stringify(loaded))
    }
    main()`
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', code], {
    encoding: 'utf8',
    env: { ...process.env, GGCLIP_BACKENDS: pretended, GGCLIP_PRETENDED: kind, ...env },
  })
  expect(stderr).toBe('')
  return JSON.parse(stdout) as Loaded[]
}

// the native tests build modules elsewhere
const withModules = process.platform === 'linux' ? describe : describe.skip

withModules("device 'auto'", () => {
  it('leaves a slow GPU alone, and says what both took', () => {
    const [first, second] = load('slow', {}, {}, 2) as [Loaded, Loaded]
    expect(first.device).toBe('CPU')
    expect(first.deviceReason).toMatch(/^auto: Pretended0 takes [0-9.]+ ms a text, the CPU [0-9.]+ ms a text$/)
    // the second load measures nothing: three batches on this GPU take 300 ms
    expect(second).toMatchObject({ device: 'CPU', deviceReason: first.deviceReason })
    expect(first.ms).toBeGreaterThan(300)
    expect(second.ms).toBeLessThan(first.ms - 200)
  })

  it('takes a fast GPU, with one session however many cores there are', () => {
    const [{ device, deviceReason, sessions }] = load('fast', {}, { GGCLIP_CPU: 'scalar' }) as [Loaded]
    expect({ device, sessions }).toEqual({ device: 'Pretended0', sessions: 1 })
    expect(deviceReason).toContain('auto: Pretended0 takes')
    expect(load('fast', { sessions: 2, threads: 1 }, { GGCLIP_CPU: 'scalar' })[0]).toMatchObject({ sessions: 2 })
  })

  it('takes the CPU if the GPU has too little memory', () => {
    const [{ device, deviceReason }] = load('no-memory') as [Loaded]
    expect(device).toBe('CPU')
    expect(deviceReason).toContain('memory')
  })

  it('rejects once if the model does not load, and measures at the next attempt', () => {
    const code = `const { Clip } = require(${JSON.stringify(library)})
      process.env.GGCLIP_CPU = 'none'
      Clip.load().catch(error => console.log(error.code)).then(() => {
        process.env.GGCLIP_CPU = ''
        return Clip.load()
      }).then(clip => clip.dispose()).then(() => console.log('loaded'))`
    const { stdout, stderr } = spawnSync(process.execPath, ['-e', code], {
      encoding: 'utf8',
      env: { ...process.env, GGCLIP_BACKENDS: '' },
    })
    expect({ stdout, stderr }).toEqual({ stdout: 'ERR_CLIP_INPUT_RANGE\nloaded\n', stderr: '' })
  })

  it('measures nothing if a device was asked for, or there is no GPU', () => {
    expect(load('slow', { device: 'cpu' })[0]).toMatchObject({ device: 'CPU', deviceReason: "asked for as 'cpu'" })
    expect(load('slow', {}, { GGCLIP_BACKENDS: '' })[0]).toMatchObject({ deviceReason: 'auto: the only device' })
  })
})
