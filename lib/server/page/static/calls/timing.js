/** How long the server took, stage by stage, as its Server-Timing header says. Any stages will do, none will, too. */
import { duration, make } from '../parts/dom.js'

const metric = /([\w!#$%&'*+.^`|~-]+)((?:\s*;\s*[\w-]+\s*=\s*(?:"[^"]*"|[^;,\s"]*))*)/g
const parameter = /;\s*([\w-]+)\s*=\s*(?:"([^"]*)"|([^;,\s"]*))/g

/** `[{ name, ms }]` in the header's order; what has no duration is left out. */
export function stagesOf(header) {
  return [...(header ?? '').matchAll(metric)].flatMap(([, name, rest]) => {
    const given = Object.fromEntries(
      [...rest.matchAll(parameter)].map(([, key, quoted, plain]) => [key.toLowerCase(), quoted ?? plain]),
    )
    const ms = Number.parseFloat(given.dur)
    return Number.isFinite(ms) && ms >= 0 ? [{ name: given.desc || name, ms }] : []
  })
}

/** Stages of requests that went one after the other, added up. */
export const summed = lists => combined(lists, values => values.reduce((sum, value) => sum + value, 0))

/** Stages of requests that went side by side: the median of each. */
export const typical = lists => combined(lists, values => values.sort((a, b) => a - b)[values.length >> 1])

function combined(lists, join) {
  const byName = new Map()
  for (const { name, ms } of lists.flat()) byName.set(name, [...(byName.get(name) ?? []), ms])
  return [...byName].map(([name, values]) => ({ name, ms: join(values) }))
}

/** A bar of the stages with their names; null where the server says nothing. `what`: what the times are of. */
export function timingList(stages, what = 'On the server') {
  if (stages.length === 0) return null
  // the whole is no part of the bar
  const parts = stages.filter(({ name }) => name !== 'total')
  const whole = stages.find(({ name }) => name === 'total')
  const length = Math.max(whole?.ms ?? 0, parts.reduce((sum, { ms }) => sum + ms, 0)) || 1
  const segments = parts.map(({ ms }) => make('span', { vars: { '--share': String(ms / length) } }))
  return make(
    'div',
    { className: 'timing' },
    make('span', { className: 'timing-what' }, whole ? `${what}: ${duration(whole.ms)}` : what),
    parts.length > 0 && make('span', { className: 'timing-bar', 'aria-hidden': 'true' }, ...segments),
    parts.length > 0 && make(
      'ul',
      { role: 'list', 'aria-label': what },
      ...parts.map(({ name, ms }) => make('li', {}, `${name} ${duration(ms)}`)),
    ),
  )
}
