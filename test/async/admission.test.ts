import { Admission } from '../../lib/async/admission'

const admission = (limit: number, itemMs = 10) =>
  new Admission(limit, {
    describe: (held, own, client) => `${held} inputs wait (${own} of ${client})`,
    retryAfterMs: held => held * itemMs,
  })

test('counts, and gives back once', () => {
  const gate = admission(100)
  const leave = gate.enter('a', 30)
  expect(gate.held).toBe(30)
  leave()
  leave()
  expect(gate.held).toBe(0)
})

test('beyond the limit: an error with a hint', () => {
  const gate = admission(100)
  gate.enter('a', 60)
  expect(() => gate.enter('b', 41)).toThrow(expect.objectContaining({ code: 'ERR_CLIP_QUEUE_FULL', retryAfterMs: 600 }))
  gate.enter('b', 40)
  expect(gate.held).toBe(100)
})

test('a lone client leaves room for the next', () => {
  const gate = admission(90)
  let held = 0
  for (; held < 200; held++) {
    try {
      gate.enter('a', 1)
    } catch {
      break
    }
  }
  expect(held).toBe(80)
  expect(() => gate.enter('b', 5)).not.toThrow()
})

test('one request larger than the limit passes an empty gate, and nothing beside it', () => {
  const gate = admission(10)
  const leave = gate.enter('a', 50)
  expect(() => gate.enter('b', 1)).toThrow('maxQueue')
  leave()
  expect(() => gate.enter('b', 10)).not.toThrow()
})

test('whether there is room at all can be asked before it is known how much is wanted', () => {
  const gate = admission(10)
  expect(gate.refusal('a')).toBeUndefined()
  const leave = gate.enter('a', 9)
  // of 10 places one is left, of which 'a' can have no more
  expect(gate.refusal('a')).toMatchObject({ code: 'ERR_CLIP_QUEUE_FULL' })
  expect(gate.refusal('b')).toBeUndefined()
  gate.enter('b', 1)
  expect(gate.refusal('c')?.message).toContain('maxQueue')
  leave()
  expect(gate.refusal('c')).toBeUndefined()
  expect(gate.held).toBe(1)
})

test('what is about to come takes places, too', () => {
  const gate = admission(10)
  expect(gate.refusal('a', 1, { all: 9, own: 0 })).toBeUndefined()
  expect(gate.refusal('a', 1, { all: 10, own: 0 })?.message).toBe(
    '10 inputs wait (0 of a) and maxQueue is 10: try again later',
  )
  // of 10 places one is left, of which 'a' can have no more
  expect(gate.refusal('a', 1, { all: 9, own: 9 })?.message).toContain('maxQueue')
  gate.enter('b', 5)
  expect(gate.refusal('a', 1, { all: 4, own: 4 })).toBeUndefined()
  expect(gate.refusal('a', 1, { all: 5, own: 5 })?.message).toContain('maxQueue')
})

test('random use never loses or invents a place', () => {
  const gate = admission(50)
  const leaves: (() => void)[] = []
  let expected = 0
  let state = 7
  const random = (limit: number): number => {
    state = (state * 16807) % 2147483647
    return state % limit
  }
  for (let i = 0; i < 5000; i++) {
    if (random(2) === 0 && leaves.length > 0) leaves.splice(random(leaves.length), 1)[0]!()
    else {
      const count = 1 + random(8)
      try {
        const leave = gate.enter(`client ${random(5)}`, count)
        expected += count
        leaves.push(() => {
          leave()
          expected -= count
        })
      } catch (error) {
        expect(error).toMatchObject({ code: 'ERR_CLIP_QUEUE_FULL' })
      }
    }
    expect(gate.held).toBe(expected)
    expect(expected).toBeLessThanOrEqual(50)
  }
  for (const leave of leaves) leave()
  expect(gate.held).toBe(0)
  expect((gate as unknown as { held: number }).held).toBe(0)
})

test('who has no name is under the common limit only', () => {
  const gate = admission(9)
  for (let i = 0; i < 9; i++) gate.enter(undefined)
  expect(gate.refusal(undefined)?.message).toContain('9 inputs wait (0 of undefined)')
})
