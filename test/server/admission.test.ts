import { Admission } from '../../lib/server/admission'

const admission = (limit: number, itemMs = 10) => new Admission(limit, () => itemMs)

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
  expect(() => gate.checkRoom('a')).not.toThrow()
  const leave = gate.enter('a', 9)
  // of 10 places one is left, of which 'a' can have no more
  expect(() => gate.checkRoom('a')).toThrow(expect.objectContaining({ code: 'ERR_CLIP_QUEUE_FULL' }))
  expect(() => gate.checkRoom('b')).not.toThrow()
  gate.enter('b', 1)
  expect(() => gate.checkRoom('c')).toThrow('maxQueue')
  leave()
  expect(() => gate.checkRoom('c')).not.toThrow()
  expect(gate.held).toBe(1)
})

test('what is about to come takes places, too', () => {
  const gate = admission(10)
  expect(() => gate.checkRoom('a', { all: 9, own: 0 })).not.toThrow()
  expect(() => gate.checkRoom('a', { all: 10, own: 0 })).toThrow('10 inputs are in work or wait (0 of this client)')
  // of 10 places one is left, of which 'a' can have no more
  expect(() => gate.checkRoom('a', { all: 9, own: 9 })).toThrow('maxQueue')
  gate.enter('b', 5)
  expect(() => gate.checkRoom('a', { all: 4, own: 4 })).not.toThrow()
  expect(() => gate.checkRoom('a', { all: 5, own: 5 })).toThrow('maxQueue')
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
