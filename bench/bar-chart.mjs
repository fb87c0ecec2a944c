// A chart of horizontal bars as SVG text: readable on light and dark backgrounds, with a title and a description that
// contains all its numbers for screen readers.

const width = 760
const labelWidth = 230
const valueWidth = 150
const barHeight = 18
const gap = 5
const barArea = width - labelWidth - valueWidth - 24

// both themes state every colour; the panel behind keeps the contrast where a viewer forces another background
const style = `
    .panel { fill: #ffffff; } .text { fill: #1f2328; } .faint { fill: #59636e; } .ours { fill: #1f6feb; } .other { fill: #8c959f; } .line { stroke: #1f2328; }
    @media (prefers-color-scheme: dark) {
      .panel { fill: #0d1117; } .text { fill: #e6edf3; } .faint { fill: #9198a1; } .ours { fill: #4493f8; } .other { fill: #6e7681; } .line { stroke: #e6edf3; }
    }
    text { font: 13px system-ui, -apple-system, 'Segoe UI', sans-serif; } .title { font-size: 16px; font-weight: 600; } .small { font-size: 12px; } .label { font-weight: 600; }`

const escape = text => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;')
const show = value => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2))
const at = value => String(Math.round(value * 10) / 10)

/**
 * Groups share a scale unless `ownScales` is set.
 *
 * @param {{ title: string, subtitle: string, unit: string, ownScales?: boolean,
 *   groups: { label: string, bars: { name: string, value: number, min?: number, max?: number, ours: boolean, note?: string }[] }[] }} chart
 */
export function barChart({ title, subtitle, unit, groups, ownScales = false }) {
  const mostOf = bars => Math.max(...bars.map(({ value, max = value }) => Math.max(value, max)))
  const mostOfAll = mostOf(groups.flatMap(({ bars }) => bars))
  const parts = []
  let y = 64
  for (const { label, bars } of groups) {
    parts.push(`<text class="text label" x="12" y="${y}">${escape(label)}</text>`)
    y += 10
    const scale = barArea / (ownScales ? mostOf(bars) : mostOfAll)
    for (const bar of bars) {
      parts.push(drawBar(bar, y, scale, unit))
      y += barHeight + gap
    }
    y += 26
  }
  const height = y - 14
  const told = groups.map(({ label, bars }) =>
    `${label}: ${
      bars.map(({ name, value, note }) => `${name} ${show(value)} ${unit}${note ? ` (${note})` : ''}`).join(', ')
    }.`
  ).join(' ')
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title description">
  <title id="title">${escape(title)}</title>
  <desc id="description">${escape(`${subtitle}. ${told}`)}</desc>
  <style>${style}
  </style>
  <rect class="panel" width="${width}" height="${height}" rx="6"/>
  <text class="text title" x="12" y="24">${escape(title)}</text>
  <text class="faint small" x="12" y="42">${escape(subtitle)}</text>
  ${parts.join('\n  ')}
</svg>
`
}

function drawBar({ name, value, min, max, ours, note }, y, scale, unit) {
  const middle = y + barHeight / 2
  const length = value * scale
  const parts = [
    `<text class="text" x="${labelWidth}" y="${middle + 4}" text-anchor="end">${escape(name)}</text>`,
    `<rect class="${ours ? 'ours' : 'other'}" x="${labelWidth + 8}" y="${y}" width="${
      at(Math.max(1, length))
    }" height="${barHeight}" rx="2"/>`,
  ]
  if (min !== undefined && max > min) {
    parts.push(
      `<path class="line" fill="none" d="M${at(labelWidth + 8 + min * scale)} ${middle}H${
        at(labelWidth + 8 + max * scale)
      }"/>`,
    )
  }
  const end = labelWidth + 16 + Math.max(length, (max ?? 0) * scale)
  parts.push(
    `<text class="text" x="${at(end)}" y="${middle + 4}">${show(value)} ${unit}${
      note ? `<tspan class="faint small" dx="6">${escape(note)}</tspan>` : ''
    }</text>`,
  )
  return parts.join('')
}
