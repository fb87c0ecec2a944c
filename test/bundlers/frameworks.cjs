// Next.js, Nitro, Nuxt: what they trace into their output must run without the project.
'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { build, embed, install, serves, servesAlone } = require('./answers.cjs')

function write(project, name, code) {
  fs.mkdirSync(path.join(project.folder, path.dirname(name)), { recursive: true })
  project.write(name, code)
}

const route = `import { Clip } from 'ggclip'
${embed}
export async function POST(request) {
  const form = await request.formData()
  const picture = Buffer.from(await form.get('picture').arrayBuffer())
  return Response.json(await embed(form.get('text'), picture))
}
`

async function next(project) {
  await install(project, 'next@16.4.6', 'react@19.3.1', 'react-dom@19.3.1')
  write(project, 'app/api/embed/route.js', route)
  const config = more =>
    write(project, 'next.config.mjs', `export default { serverExternalPackages: ['ggclip']${more} }\n`)
  config('')
  await build(project, 'npx next build')
  await serves(project, project.folder, 'node node_modules/next/dist/bin/next start', '/api/embed')
  config(", output: 'standalone'")
  for (const bundler of ['--turbopack', '--webpack']) {
    await build(project, `rm -rf .next && npx next build ${bundler}`)
    await servesAlone(project, '.next/standalone', 'node server.js', '/api/embed')
  }
}

/** Of h3, by which both of Nitro 2 and Nuxt answer. */
const handler = `import { Clip } from 'ggclip'
${embed}
export default defineEventHandler(async event => {
  const parts = await readMultipartFormData(event)
  const part = name => parts.find(each => each.name === name).data
  return embed(part('text').toString(), part('picture'))
})
`

async function nitro2(project) {
  await install(project, 'nitropack@2.13.6')
  write(project, 'nitro.config.mjs', "export default { compatibilityDate: '2026-11-01', preset: 'node-server' }\n")
  write(project, 'routes/embed.post.ts', handler)
  await build(project, 'npx nitropack build')
  await servesAlone(project, '.output', 'node server/index.mjs', '/embed')
}

async function nitro3(project) {
  await install(project, 'nitro@3.0.0')
  const config = "{ compatibilityDate: '2026-11-01', preset: 'node_server', serverDir: './' }"
  write(project, 'nitro.config.mjs', `export default ${config}\n`)
  const code = route.replace('export async function POST(request) {', 'export default async ({ req: request }) => {')
  write(project, 'routes/embed.post.mjs', code.replace('Response.json(await embed(', '(await embed('))
  await build(project, 'npx nitro build')
  await servesAlone(project, '.output', 'node server/index.mjs', '/embed')
}

async function nuxt(project) {
  await install(project, 'nuxt@4.5.2')
  write(project, 'nuxt.config.mjs', "export default { compatibilityDate: '2026-11-01', telemetry: false }\n")
  write(project, 'server/api/embed.post.ts', handler)
  await build(project, 'npx nuxt build', /css\.devSourcemap|PLUGIN_TIMINGS/)
  await servesAlone(project, '.output', 'node server/index.mjs', '/api/embed')
}

const frameworkSteps = [
  { name: 'Next.js 16.4: next start; standalone, by Turbopack and by webpack', step: next },
  { name: 'Nitro 2.13', step: nitro2 },
  { name: 'Nitro 3.0', step: nitro3 },
  { name: 'Nuxt 4.5', step: nuxt },
]

module.exports = { frameworkSteps }
