/** Long computations share the event loop. */
import { eachInSteps, type Steps, Turns, type TurnsClock } from '../../lib/async/turns'

/** Time passes when a step says so; a turn of the loop comes when a test says so. */
class FakeClock implements TurnsClock {
  ms = 0
  readonly due: (() => void)[] = []
  now = (): number => this.ms
  nextTurn = (action: () => void): void => void this.due.push(action)

  /** How long one turn of the loop took. */
  turn(): number {
    const began = this.ms
    for (const action of this.due.splice(0)) action()
    return this.ms - began
  }
}

function* working(clock: FakeClock, steps: number, msOfStep: number, log: string[] = [], name = ''): Steps<string> {
  for (let i = 0; i < steps; i++) {
    if (i > 0) yield
    clock.ms += msOfStep
    log.push(name)
  }
  return name
}

test('however much there is, a turn ends with the budget and its last step', async () => {
  const clock = new FakeClock()
  const turns = new Turns(clock)
  const results = ['a', 'b', 'c', 'd'].map(name => turns.run(working(clock, 50, 1, [], name)))
  const lengths: number[] = []
  while (clock.due.length > 0) lengths.push(clock.turn())
  expect(Math.max(...lengths)).toBeLessThanOrEqual(9)
  expect(lengths.reduce((sum, ms) => sum + ms, 0)).toBe(200)
  expect(await Promise.all(results)).toEqual(['a', 'b', 'c', 'd'])
})

test('who came later is not kept waiting by what is longer', () => {
  const clock = new FakeClock()
  const turns = new Turns(clock)
  const log: string[] = []
  void turns.run(working(clock, 6, 1, log, 'long'))
  void turns.run(working(clock, 2, 1, log, 'short'))
  while (clock.due.length > 0) clock.turn()
  expect(log.join(' ')).toBe('long short long short long long long long')
})

test('a result ends the turn: what its receiver does belongs to it', () => {
  const clock = new FakeClock()
  const turns = new Turns(clock)
  for (let i = 0; i < 3; i++) void turns.run(working(clock, 1, 0))
  let count = 0
  for (; clock.due.length > 0; count++) clock.turn()
  expect(count).toBe(3)
})

test('nothing begins in the turn of the caller', () => {
  const clock = new FakeClock()
  const log: string[] = []
  void new Turns(clock).run(working(clock, 1, 1, log, 'a'))
  expect(log).toEqual([])
})

test('failures and signals reject, and what is begun is closed', async () => {
  const clock = new FakeClock()
  const turns = new Turns(clock)
  const controller = new AbortController()
  let closed = false
  function* endless(): Steps<never> {
    try {
      for (;;) {
        clock.ms += 3
        yield
      }
    } finally {
      closed = true
    }
  }
  const aborted = turns.run(endless(), controller.signal)
  const failed = turns.run(eachInSteps([1], (): void => {
    throw new Error('broken')
  }))
  aborted.catch(() => undefined)
  failed.catch(() => undefined)
  for (let i = 0; i < 20; i++) {
    if (i === 10) controller.abort(new Error('enough'))
    clock.turn()
  }
  await expect(failed).rejects.toThrow('broken')
  await expect(aborted).rejects.toThrow('enough')
  expect(closed).toBe(true)
})

test('each value is a step of its own', () => {
  const work = eachInSteps([1, 2, 3], value => value * 2)
  expect([work.next(), work.next(), work.next()]).toEqual([{ done: false, value: undefined }, {
    done: false,
    value: undefined,
  }, { done: true, value: [2, 4, 6] }])
  expect(eachInSteps([], () => 0).next()).toEqual({ done: true, value: [] })
})
