// Overload: the latency of answers stays bounded, the rest is refused fast with a hint, and afterwards the server
// recovers.
import { fire } from './fire.mjs'

export async function overload(server, requests, { seconds, maxQueue, maxBatch = 32, factor }) {
  const alone = () => fire(server, requests, { connections: 1, seconds })
  const before = await alone()
  const capacity = await fire(server, requests, { connections: 32, seconds })
  const rate = Math.ceil(factor * capacity.perSecond)
  const during = await fire(server, requests, { connections: 256, seconds, rate })
  const after = await alone()
  // a full queue, and the batch before it
  const boundMs = ((maxQueue + maxBatch) / during.perSecond) * 1000
  const checks = {
    p99WithinBound: during.ok.p99 !== null && during.ok.p99 <= boundMs,
    refusedFast: during.refused.count > 0 && during.refused.p50 < 0.1 * during.ok.p50,
    everyRefusalHasAHint: during.withoutHint === 0,
    nothingElse: Object.keys(during.statuses).every(status => status === '200' || status === '503') &&
      during.errors === 0,
    goodputKept: during.perSecond >= 0.5 * capacity.perSecond,
    recovered: after.refused.count === 0 && after.ok.p50 <= 1.5 * before.ok.p50,
  }
  return { maxQueue, offeredPerSecond: rate, boundMs, checks, before, capacity, during, after }
}

export function overloadLine({ during, capacity, boundMs, offeredPerSecond, checks }) {
  const ms = value => `${value?.toFixed(value < 10 ? 1 : 0)} ms`
  const failed = Object.entries(checks).flatMap(([name, holds]) => (holds ? [] : [name]))
  return `overload: offered ${offeredPerSecond}/s, answered ${during.perSecond.toFixed(1)}/s of ${
    capacity.perSecond.toFixed(1)
  } (p99 ${ms(during.ok.p99)}, bound ${ms(boundMs)}), `
    + `${during.refused.count} refused (p50 ${ms(during.refused.p50)}, p99 ${ms(during.refused.p99)}): ${
      failed.length === 0 ? 'all as it should be' : `not so: ${failed.join(', ')}`
    }`
}
