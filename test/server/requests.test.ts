/** The requests in work, without a server. */
import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

import { ClientGone, Requests } from '../../lib/server/requests'

const response = (): ServerResponse =>
  Object.assign(new EventEmitter(), { writableFinished: false }) as unknown as ServerResponse

test('arriving: from the first byte until its inputs are known, it ends, or it takes long', async () => {
  const requests = new Requests()
  const [first, second] = [response(), response()]
  const signal = requests.begin(first, 'a', 1000)
  requests.begin(second, 'a', 1000)
  requests.begin(response(), 'b', 1000)
  expect(requests.arriving('a')).toEqual({ all: 3, own: 2 })
  requests.arrived(signal)
  expect(requests.arriving('a')).toEqual({ all: 2, own: 1 })
  expect(requests.count).toBe(3)
  second.emit('close')
  expect(requests.arriving('a')).toEqual({ all: 1, own: 0 })
  await sleep(300)
  expect(requests.arriving('b')).toEqual({ all: 0, own: 0 })
  expect(requests.count).toBe(2)
  await requests.drain(0)
})

test('a signal ends with its client, its time or the server', async () => {
  const requests = new Requests()
  const [gone, late, kept] = [response(), response(), response()]
  const signals = [requests.begin(gone, 'a', 1000), requests.begin(late, 'a', 20), requests.begin(kept, 'a', 1000)]
  gone.emit('close')
  expect(signals[0]!.reason).toBeInstanceOf(ClientGone)
  await sleep(40)
  expect(signals[1]!.reason).toMatchObject({ code: 'ERR_CLIP_DEADLINE_EXCEEDED' })
  const drained = requests.drain(0)
  await sleep(10)
  expect(signals[2]!.reason).toMatchObject({ code: 'ERR_CLIP_SERVER_CLOSING' })
  for (const one of [late, kept]) one.emit('close')
  await drained
  expect(requests.count).toBe(0)
})
