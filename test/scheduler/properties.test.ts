/** Random traffic on a fake clock: what must hold whatever comes. */
import { setUp } from './support'

type Harness = ReturnType<typeof setUp>

const { randomFrom } = require('../helpers/random.cjs') as { randomFrom(seed: number): (limit: number) => number }

interface Outcome {
  call: number
  items: string[]
  result?: string[]
  reason?: unknown
  endedAt?: number
}

/** Calls of all sorts, for `steps` milliseconds; batches take `runMs` each. */
async function simulate(seed: number, harness: Harness, { steps = 300, runMs = 7, maxQueue = 40 } = {}) {
  const random = randomFrom(seed)
  const { scheduler, clock, batches } = harness
  const outcomes: Outcome[] = []
  const started = new Map<number, number>()
  const finishDue = (now: number): void =>
    batches.forEach((batch, i) => {
      if (!started.has(i)) started.set(i, now)
      if (now - started.get(i)! < runMs || started.get(i) === -1) return
      started.set(i, -1)
      batch.finish(batch.items.map(item => (item.startsWith('bad') ? new Error(item) : item.toUpperCase())))
    })
  const submit = (call: number): void => {
    const controller = new AbortController()
    const items = Array.from(
      { length: 1 + (random(4) === 0 ? random(9) : 0) },
      (_, i) => `${random(20) === 0 ? 'bad' : 'item'} ${call}.${i}`,
    )
    const outcome: Outcome = { call, items }
    outcomes.push(outcome)
    const options = {
      signal: controller.signal,
      priority: random(11) - 5,
      ...(random(3) === 0 ? {} : { client: `client ${random(4)}` }),
      ...(random(4) === 0 ? { timeoutMs: random(60) } : {}),
    }
    scheduler.submitMany(`kind ${random(3)}`, items, options).then(
      result => Object.assign(outcome, { result, endedAt: clock.now() }),
      (reason: unknown) => Object.assign(outcome, { reason, endedAt: clock.now() }),
    )
    if (random(6) === 0) clock.after(random(40), () => controller.abort(`stop ${call}`))
  }
  for (let step = 0; step < steps; step++) {
    for (let i = random(4); i > 0; i--) submit(outcomes.length)
    await clock.advance(1)
    finishDue(clock.now())
    await clock.turn()
    const { queued, running } = scheduler.stats()
    expect(queued).toBeGreaterThanOrEqual(0)
    expect(running).toBeLessThanOrEqual(8 * harness.runners.length)
    expect(queued).toBeLessThanOrEqual(maxQueue * 10)
  }
  for (let i = 0; i < 4000 && (scheduler.stats().queued > 0 || scheduler.stats().running > 0); i++) {
    await clock.advance(1)
    finishDue(clock.now())
    await clock.turn()
  }
  return outcomes
}

describe.each([1, 2, 3, 4, 5, 6])('random traffic, seed %i', seed => {
  const options = { maxBatch: 8, maxQueue: 40, runnerCount: 1 + (seed % 3), maxWaitMs: seed % 2 ? 5 : 0, agingMs: 50 }

  test('every call ends once, with its own results or a reason that it has', async () => {
    const harness = setUp(options)
    const outcomes = await simulate(seed, harness)
    expect(outcomes.length).toBeGreaterThan(200)
    const kinds = new Set<string>()
    for (const { call, items, result, reason } of outcomes) {
      if (result) {
        expect(result).toEqual(items.map(item => item.toUpperCase()))
        kinds.add('done')
        continue
      }
      const code = (reason as { code?: string } | undefined)?.code
      if (typeof reason === 'string') expect(reason).toBe(`stop ${call}`)
      else if (code === undefined) expect(items).toContain((reason as Error).message)
      kinds.add(typeof reason === 'string' ? 'stop' : code ?? 'bad')
    }
    expect([...kinds].sort()).toEqual(expect.arrayContaining(['ERR_CLIP_DEADLINE_EXCEEDED', 'bad', 'done', 'stop']))
    const stats = harness.scheduler.stats()
    expect(stats).toMatchObject({ queued: 0, running: 0 })
    for (const { items } of harness.batches) expect(items.length).toBeLessThanOrEqual(8)
    for (const { kind, items } of harness.batches) expect([kind, items.length]).toEqual([kind, new Set(items).size])
    for (const runner of harness.runners) expect(runner.mostRunning).toBeLessThanOrEqual(1)
    const ran = harness.batches.reduce((sum, { items }) => sum + items.length, 0)
    expect(stats.items).toBe(ran)
    expect(harness.clock.pendingTurns).toBe(0)
    await harness.scheduler.dispose()
    const left = (harness.scheduler as unknown as { waiting: { count: number; byClient: Map<string, number> } }).waiting
    expect([left.count, left.byClient.size]).toEqual([0, 0])
  })
})

describe('bounded waiting', () => {
  test.each([1, 2, 3])('clients that always have work get equal shares, within a batch, seed %i', async seed => {
    const random = randomFrom(seed)
    const { scheduler, clock, batches } = setUp({ maxBatch: 8, maxQueue: 10_000 })
    const served = new Map<string, number>()
    const clients = ['a', 'b', 'c', 'd']
    // very different numbers of calls, and of items in a call
    const depth: Record<string, number> = { a: 1, b: 5, c: 40, d: 200 }
    const refill = (client: string): void => {
      void scheduler.submitMany('text', Array.from({ length: 1 + random(3) }, () => client), { client }).then(
        () => refill(client),
        () => undefined,
      )
    }
    for (const client of clients) for (let i = 0; i < depth[client]!; i++) refill(client)
    await clock.turn()
    for (let i = 0; i < 200; i++) {
      for (const item of batches[i]!.items) served.set(item, (served.get(item) ?? 0) + 1)
      batches[i]!.finish()
      await clock.advance(1)
    }
    // 'a' has one call at a time, so it cannot use all of its turns; the others may
    const [b, c, d] = ['b', 'c', 'd'].map(client => served.get(client)!)
    expect(Math.max(b!, c!, d!) - Math.min(b!, c!, d!)).toBeLessThan(0.15 * d!)
    expect(served.get('a')!).toBeGreaterThan(150)
    await Promise.all([scheduler.dispose(), Promise.resolve(batches.at(-1)!.finish())])
  })

  test('no item waits longer than the backlog before it, its share and the priorities allow', async () => {
    const { scheduler, clock, batches } = setUp({ maxBatch: 4, maxQueue: 10_000 })
    const flood = (): void =>
      void scheduler.submit('text', 'f', { client: 'flood', priority: 5 }).then(flood, () => undefined)
    for (let i = 0; i < 100; i++) flood()
    await clock.turn()
    const waits: number[] = []
    for (let i = 0; i < 300; i++) {
      if (i % 10 === 0) {
        const from = i
        void scheduler.submit('text', 's', { client: 'small' }).then(
          () => waits.push(batches.length - from),
          () => undefined,
        )
      }
      batches[i]!.finish()
      await clock.advance(1)
    }
    expect(waits.length).toBeGreaterThan(25)
    // the flood's priority wins it five turns; a batch is four
    expect(Math.max(...waits)).toBeLessThanOrEqual(6)
    await Promise.all([scheduler.dispose(), Promise.resolve(batches.at(-1)!.finish())])
  })
})
