// Holds the C++ arrows of docs/architecture.md: each folder includes only what lies below it, and napi.h is seen by
// binding/ alone. Prints every violation and fails.
'use strict'

const fs = require('node:fs')
const path = require('node:path')

const cpp = path.join(__dirname, '..', 'cpp')
const below = {
  kernels: ['kernels'],
  engine: ['kernels', 'engine'],
  formats: ['kernels', 'engine', 'formats'],
  binding: ['kernels', 'engine', 'formats', 'binding'],
}
const violations = []

for (const [folder, allowed] of Object.entries(below)) {
  for (const file of fs.readdirSync(path.join(cpp, folder), { recursive: true })) {
    if (!/\.(h|cpp)$/.test(file)) continue
    const text = fs.readFileSync(path.join(cpp, folder, file), 'utf8')
    for (const [, open, name] of text.matchAll(/^\s*#\s*include\s+(["<])([^">]+)[">]/gm)) {
      const [top] = name.split('/')
      const own = open === '"'
      if (own && name.includes('/') && !allowed.includes(top)) violations.push(`cpp/${folder}/${file} includes ${name}`)
      if (folder !== 'binding' && /^(napi|node_api|js_native_api|uv)\b/.test(name)) violations.push(`cpp/${folder}/${file} includes ${name}`)
      if (folder === 'kernels' && /^(ggml|gguf)/.test(name)) violations.push(`cpp/${folder}/${file} includes ${name}`)
    }
    if (folder !== 'binding' && /\b(std::cout|printf\s*\(|getenv|exit\s*\()/.test(text.replace(/\b(vsn|sn)printf\s*\(/g, '').replace(/format\(printf/g, ''))) {
      violations.push(`cpp/${folder}/${file} prints, reads the environment or exits: the engine does none of it`)
    }
  }
}
for (const violation of violations) process.stderr.write(`${violation}\n`)
if (violations.length > 0) process.exitCode = 1
