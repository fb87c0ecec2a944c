/** The OpenAPI document as a plain page: no script, nothing from elsewhere. */

export interface OpenApi {
  info: { title: string; version: string; description: string }
  paths: Record<string, Record<string, Operation>>
  components?: { schemas?: Record<string, Schema> }
}

interface Operation {
  summary?: string
  description?: string
  requestBody?: { content: Record<string, { schema: Schema }> }
  responses?: Record<string, { description?: string }>
}

interface Schema {
  $ref?: string
  type?: string | string[]
  description?: string
  enum?: unknown[]
  anyOf?: Schema[]
  items?: Schema
  properties?: Record<string, Schema>
  required?: string[]
}

const style = `
:root { color-scheme: light dark; --line: #8885; --soft: #8882; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1.5rem; }
code { font: .9em/1.4 ui-monospace, monospace; }
section { border-top: 1px solid var(--line); margin-top: 2rem; padding-top: .5rem; }
h2 code { font-size: 1rem; background: var(--soft); padding: .2rem .5rem; border-radius: .3rem; }
table { border-collapse: collapse; width: 100%; }
caption { text-align: left; font-weight: 600; padding: .6rem 0 .2rem; }
th, td { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid var(--soft); font-weight: normal; }
thead th { font-size: .85rem; opacity: .75; }
`

/** `toRoot`: the way from the page to where the calls are, which a proxy may have put below a path. */
export function docsPage({ info, paths, components }: OpenApi, toRoot: string): string {
  const operations = Object.entries(paths).flatMap(([path, methods]) => (
    Object.entries(methods).map(([method, operation]) => section(path, method, operation))
  ))
  const schemas = Object.entries(components?.schemas ?? {}).map(([name, schema]) => (
    `<section id="${escape(name)}"><h2>${escape(name)}</h2>${paragraph(schema.description)}${
      fields('Fields', schema)
    }</section>`
  ))
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${
    escape(info.title)
  } API</title>
<style>${style}</style></head><body>
<h1>${escape(info.title)} ${escape(info.version)}</h1>${paragraph(info.description)}
<p>As data: <a href="${toRoot}openapi.json">openapi.json</a> (OpenAPI 3.1).</p>
<main>${operations.join('\n')}
${schemas.join('\n')}</main></body></html>`
}

function section(path: string, method: string, { summary, description, requestBody, responses }: Operation): string {
  const [content] = Object.values(requestBody?.content ?? {})
  const rows = Object.entries(responses ?? {}).map(([status, { description: text = '' }]) => (
    `<tr><th scope="row"><code>${escape(status)}</code></th><td>${escape(text)}</td></tr>`
  ))
  return `<section><h2><code>${escape(method.toUpperCase())} ${escape(path)}</code></h2>
<p><strong>${escape(summary ?? '')}</strong></p>${paragraph(description)}
${content ? fields(`Body (${Object.keys(requestBody!.content).join(' or ')})`, content.schema) : ''}
<table><caption>Answers</caption><tbody>${rows.join('')}</tbody></table></section>`
}

function fields(caption: string, { properties = {}, required = [] }: Schema): string {
  const rows = Object.entries(properties).map(([name, schema]) => (
    `<tr><th scope="row"><code>${escape(name)}</code>${required.includes(name) ? ' (required)' : ''}</th>`
    + `<td>${typeText(schema)}</td><td>${escape(schema.description ?? '')}</td></tr>`
  ))
  return `<table><caption>${
    escape(caption)
  }</caption><thead><tr><th scope="col">Field</th><th scope="col">Type</th><th scope="col">Meaning</th></tr></thead>
<tbody>${rows.join('')}</tbody></table>`
}

function typeText(schema: Schema): string {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.split('/').at(-1)!
    return `<a href="#${escape(name)}">${escape(name)}</a>`
  }
  if (schema.enum) return schema.enum.map(value => `<code>${escape(String(value))}</code>`).join(', ')
  if (schema.anyOf) return schema.anyOf.map(typeText).join(' or ')
  if (schema.items) return `list of ${typeText(schema.items)}`
  return escape([schema.type ?? 'any'].flat().join(' or '))
}

function paragraph(text: string | undefined): string {
  return text === undefined ? '' : `<p>${escape(text)}</p>`
}

function escape(text: string): string {
  const names: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
  return text.replace(/[&<>"']/g, character => names[character]!)
}
