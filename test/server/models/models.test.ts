/** Several models: loaded when first used, unloaded when idle, tried again after a failure. */
import type { Clip } from '../../../lib/index.js'
import { ModelSlot, type SlotEvent, type SlotEnvironment } from '../../../lib/server/models/model-slot'
import { failure, get, post, start, until } from '../support'

const never = new AbortController().signal

/** An environment in which the test controls the time and the models. */
function makeEnvironment() {
  const timers = new Set<{ at: number; action: () => void }>()
  const events: SlotEvent[] = []
  const loads: { settle(clip: unknown): void; fail(error: Error): void }[] = []
  let now = 0
  let disposing: (() => void)[] = []
  const environment: SlotEnvironment = {
    load: () =>
      new Promise((resolve, reject) => void loads.push({ settle: clip => resolve(clip as Clip), fail: reject })),
    after: (ms, action) => {
      const timer = { at: now + ms, action }
      timers.add(timer)
      return () => timers.delete(timer)
    },
    report: event => void events.push(event),
  }
  const makeClip = () => ({
    stats: () => ({ itemMs: 1 }),
    dispose: () => new Promise<void>(resolve => void disposing.push(resolve)),
  })
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 20; i++) await Promise.resolve()
  }
  return {
    environment,
    events,
    loads,
    timers,
    makeClip,
    settle,
    async pass(ms: number) {
      now += ms
      for (const timer of [...timers]) if (timer.at <= now && timers.delete(timer)) timer.action()
      await settle()
    },
    async disposed() {
      disposing.forEach(resolve => resolve())
      disposing = []
      await settle()
    },
  }
}

function makeSlot(unloadAfterMs = 1000) {
  const all = makeEnvironment()
  return { ...all, slot: new ModelSlot('m', {}, all.environment, { unloadAfterMs, maxQueue: 10 }) }
}

describe('a slot', () => {
  test('loads once for all who ask, and hands them the same', async () => {
    const { slot, loads, makeClip, settle, events } = makeSlot()
    const seen: unknown[] = []
    const uses = [1, 2, 3].map(() => slot.use(never, async clip => seen.push(clip)))
    await settle()
    expect(loads).toHaveLength(1)
    expect(slot.clip).toBeUndefined()
    loads[0]!.settle(makeClip())
    await Promise.all(uses)
    expect(new Set(seen).size).toBe(1)
    expect(slot.clip).toBe(seen[0])
    expect(events.map(({ type }) => type)).toEqual(['loaded'])
  })

  test('unloads when nobody has used it for so long, not while it is used, and loads again', async () => {
    const { slot, loads, makeClip, settle, pass, disposed, timers, events } = makeSlot(1000)
    let finish!: () => void
    const long = slot.use(never, () =>
      new Promise<void>(resolve => {
        finish = resolve
      }))
    await settle()
    loads[0]!.settle(makeClip())
    await settle()
    await pass(5000)
    expect(slot.clip).toBeDefined()
    finish()
    await long
    await pass(999)
    await slot.use(never, () => Promise.resolve())
    await pass(999)
    expect(slot.clip).toBeDefined()
    expect(timers.size).toBe(1)
    await pass(1)
    expect(slot.clip).toBeUndefined()
    // asked for while the old one is still going: the new one waits for its memory
    const again = slot.use(never, () => Promise.resolve('again'))
    await settle()
    expect(loads).toHaveLength(1)
    await disposed()
    expect(loads).toHaveLength(2)
    loads[1]!.settle(makeClip())
    expect(await again).toBe('again')
    expect(events.map(({ type }) => type)).toEqual(['loaded', 'unloaded', 'loaded'])
  })

  test('never unloads with 0', async () => {
    const { slot, loads, makeClip, settle, timers } = makeSlot(0)
    const use = slot.use(never, () => Promise.resolve())
    await settle()
    loads[0]!.settle(makeClip())
    await use
    expect(timers.size).toBe(0)
  })

  test("a failed load is everybody's failure, the next call tries again", async () => {
    const { slot, loads, makeClip, settle, events } = makeSlot()
    const uses = [1, 2].map(() => slot.use(never, () => Promise.resolve()))
    for (const use of uses) use.catch(() => undefined)
    await settle()
    const cause = new Error('no such file: /models/secret.gguf')
    loads[0]!.fail(cause)
    for (const use of uses) {
      await expect(use).rejects.toMatchObject({
        code: 'ERR_CLIP_MODEL_UNAVAILABLE',
        cause,
        message: expect.not.stringContaining('secret') as string,
      })
    }
    const next = slot.use(never, () => Promise.resolve('works'))
    await settle()
    loads[1]!.settle(makeClip())
    expect(await next).toBe('works')
    expect(events.map(({ type }) => type)).toEqual(['failed', 'loaded'])
  })

  test('who stops waiting is let go, the load goes on for others', async () => {
    const { slot, loads, makeClip, settle } = makeSlot()
    const controller = new AbortController()
    const impatient = slot.use(controller.signal, () => Promise.resolve())
    impatient.catch(() => undefined)
    const patient = slot.use(never, () => Promise.resolve('patient'))
    await settle()
    controller.abort(new Error('gone'))
    await expect(impatient).rejects.toThrow('gone')
    loads[0]!.settle(makeClip())
    expect(await patient).toBe('patient')
  })

  test('a model that comes when nobody waits any more is unloaded in time', async () => {
    const { slot, loads, makeClip, settle, pass } = makeSlot(1000)
    const controller = new AbortController()
    const use = slot.use(controller.signal, () => Promise.resolve())
    use.catch(() => undefined)
    await settle()
    controller.abort(new Error('gone'))
    await settle()
    loads[0]!.settle(makeClip())
    await settle()
    expect(slot.clip).toBeDefined()
    await pass(1000)
    expect(slot.clip).toBeUndefined()
  })

  test('close waits for a load in progress and unloads', async () => {
    const { slot, loads, makeClip, settle, disposed, timers } = makeSlot()
    const use = slot.use(never, () => Promise.resolve())
    await settle()
    let closed = false
    const closing = slot.close().then(() => void (closed = true))
    await settle()
    expect(closed).toBe(false)
    loads[0]!.settle(makeClip())
    await use
    await settle()
    await disposed()
    await closing
    expect([slot.clip, timers.size]).toEqual([undefined, 0])
  })
})

describe('in the server', () => {
  const list = async (server: Awaited<ReturnType<typeof start>>) => (
    (await get(server, '/v1/models')).body.data.map(({ id, loaded }: { id: string; loaded: boolean }) =>
      `${id} ${loaded}`
    )
  )

  test('the first is there from the start, the second when asked for; requests that name none get the first', async () => {
    const server = await start({ models: { one: { threads: 1 }, 'org/two': { threads: 1, dtype: 'f32' } } })
    expect(await list(server)).toEqual(['one true', 'org/two false'])
    expect((await post(server, '/v1/embeddings', { input: 'a' })).body.model).toBe('one')
    expect((await post(server, '/v1/embeddings', { input: 'a', model: 'org/two' })).body.model).toBe('org/two')
    expect(await list(server)).toEqual(['one true', 'org/two true'])
    expect((await get(server, '/v1/models/org/two')).body.id).toBe('org/two')
  })

  test('unloaded after idle, loaded again, same numbers', async () => {
    const server = await start({ unloadAfterMs: 50, warmUp: false })
    const before = (await post(server, '/v1/embeddings', { input: 'a' })).body.data
    await until(async () => (await list(server))[0] === 'emoji-clip false')
    expect((await post(server, '/v1/embeddings', { input: 'a' })).body.data).toEqual(before)
    const { body } = await get(server, '/metrics')
    expect(body).toMatch(/ggclip_model_events_total\{model="emoji-clip",event="unloaded"\} [1-9]/)
  })

  test('requests that come while a model loads wait for it', async () => {
    const server = await start({ preload: 'none' })
    const answers = await Promise.all(Array.from({ length: 8 }, () => post(server, '/v1/embeddings', { input: 'a' })))
    expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(200))
    expect((await get(server, '/metrics')).body).toContain(
      'ggclip_model_events_total{model="emoji-clip",event="loaded"} 1',
    )
  })

  test('a model that cannot be loaded: 503 without its path, the others go on', async () => {
    const server = await start({ models: { good: { threads: 1 }, bad: 'no/such/secret.gguf' } })
    const answer = await post(server, '/v1/embeddings', { input: 'a', model: 'bad' })
    expect(answer).toMatchObject(failure(503, 'ERR_CLIP_MODEL_UNAVAILABLE', "'bad'"))
    expect(JSON.stringify(answer.body)).not.toContain('secret')
    expect((await post(server, '/v1/embeddings', { input: 'a' })).status).toBe(200)
  })

  test('a first model that cannot be loaded is no server; its port is free again', async () => {
    await expect(start({ models: { bad: 'no/such/model.gguf' } })).rejects.toMatchObject({
      code: 'ERR_CLIP_MODEL_UNAVAILABLE',
    })
    const { port } = await start()
    await expect(start({ port })).rejects.toMatchObject({
      code: 'ERR_CLIP_SERVER_LISTEN',
      message: expect.stringContaining(String(port)) as string,
    })
  })

  test('a model without one of the towers says so', async () => {
    const server = await start({ models: { words: { threads: 1, towers: 'text' } } })
    expect((await post(server, '/v1/embeddings', { input: 'a' })).status).toBe(200)
    expect(await post(server, '/v1/embeddings', { input: [{ image: 'R0lGODlhAQABAAAAACw=' }] })).toMatchObject(
      failure(422, 'ERR_CLIP_TOWER_MISSING'),
    )
    expect((await get(server, '/v1/models')).body.data[0].modalities).toEqual(['text'])
  })
})
