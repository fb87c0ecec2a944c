// Checks the dependencies of docs/architecture.md: each folder of cpp/ includes only the layers below it, and so do the
// folders of cpp/formats; only binding/ includes napi.h; the modules of lib/ do not import each other in a circle,
// types included. (eslint.config.mjs checks which folder of lib/ may import which.) Prints every violation and fails.
'use strict'

const fs = require('node:fs')
const path = require('node:path')

const root = path.join(__dirname, '..')
const violations = []

function filesBelow(folder, pattern) {
  const names = fs.readdirSync(path.join(root, folder), { recursive: true })
  return names.map(name => path.posix.join(folder, name.split(path.sep).join('/'))).filter(name => pattern.test(name))
    .sort()
}

const read = file => fs.readFileSync(path.join(root, file), 'utf8')

const below = {
  kernels: ['kernels'],
  engine: ['kernels', 'engine'],
  formats: ['kernels', 'engine', 'formats'],
  binding: ['kernels', 'engine', 'formats', 'binding'],
}
/**
 * Folders of cpp/formats. Files beside them may include all of them, but they may include only read-options.h of those
 * files.
 */
const rooms = {
  containers: ['containers'],
  layout: ['containers', 'layout'],
  families: ['containers', 'layout', 'families'],
  write: ['containers', 'layout', 'families', 'write'],
}

function checkIncludes(file) {
  const [, folder, room] = file.split('/')
  const text = read(file)
  for (const [, open, name] of text.matchAll(/^\s*#\s*include\s+(["<])([^">]+)[">]/gm)) {
    const refused = () => violations.push(`${file} includes ${name}`)
    const [top, inner] = name.split('/')
    if (open === '"' && name.includes('/') && !below[folder].includes(top)) refused()
    if (
      folder === 'formats' && top === 'formats' && rooms[room] && !rooms[room].includes(inner) &&
      inner !== 'read-options.h'
    ) refused()
    if (folder !== 'binding' && /^(napi|node_api|js_native_api|uv)\b/.test(name)) refused()
    if (folder === 'kernels' && /^(ggml|gguf)/.test(name)) refused()
  }
  const acts = /\b(std::cout|printf\s*\(|getenv|exit\s*\()/
  if (folder !== 'binding' && acts.test(text.replace(/\b(vsn|sn)printf\s*\(/g, '').replace(/format\(printf/g, ''))) {
    violations.push(`${file} prints, reads the environment or exits: the engine does none of it`)
  }
}

function importsOf(file) {
  const text = read(file)
  const names = [...text.matchAll(/\b(?:from|import|require|import\(|require\()\s*'(\.{1,2}\/[^']+)\.js'/g)].map((
    [, name],
  ) => name)
  return [...new Set(names)].map(name => path.posix.join(path.posix.dirname(file), `${name}.ts`))
}

/** Groups of modules that import each other, by each module's imports: strongly connected components (Tarjan 1972). */
function circles(imports) {
  const [number, low, stack, found] = [new Map(), new Map(), [], []]
  const visit = file => {
    number.set(file, number.size)
    low.set(file, number.get(file))
    stack.push(file)
    for (const next of imports.get(file) ?? []) {
      if (!number.has(next)) visit(next)
      if (stack.includes(next)) low.set(file, Math.min(low.get(file), low.get(next)))
    }
    if (low.get(file) !== number.get(file)) return
    const group = stack.splice(stack.indexOf(file))
    if (group.length > 1) found.push(group.sort())
  }
  for (const file of imports.keys()) if (!number.has(file)) visit(file)
  return found
}

function main() {
  for (const folder of Object.keys(below))
    for (const file of filesBelow(`cpp/${folder}`, /\.(h|cpp)$/)) checkIncludes(file)
  const imports = new Map(filesBelow('lib', /\.ts$/).map(file => [file, importsOf(file)]))
  for (const circle of circles(imports)) violations.push(`these import each other in a circle: ${circle.join(', ')}`)
  for (const violation of violations) process.stderr.write(`${violation}\n`)
  if (violations.length > 0) process.exitCode = 1
}

module.exports = { circles }
if (require.main === module) main()
