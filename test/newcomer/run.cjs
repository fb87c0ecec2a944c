// A newcomer's first hour, in an empty folder with the packed archives (`npm run test:newcomer` packs them): README, docs and
// recipes as they stand, TypeScript in its resolutions. Says each step; a failure does not stop the others. Minutes.
//
//   node test/newcomer/run.cjs [WORD]      the steps whose name has the word, after the installation
'use strict'

const { attempt, withProject } = require('./project.cjs')
const { install, readmeSteps } = require('./readme.cjs')
const { pageSteps } = require('./pages.cjs')
const { recipeSteps } = require('./recipes.cjs')
const { typeSteps } = require('./types.cjs')

async function main([word = '']) {
  let passed = 0, failed = 0
  await withProject(async project => {
    const count = async (name, step) => await attempt(project, name, step) ? passed++ : failed++
    await count('install', install)
    const steps = [...readmeSteps, ...recipeSteps, ...pageSteps, ...typeSteps]
    for (const { name, step } of failed > 0 ? [] : steps.filter(each => each.name.includes(word)))
      await count(name, step)
  })
  process.stdout.write(`newcomer: ${passed} passed, ${failed} failed\n`)
  if (failed > 0) process.exitCode = 1
}

main(process.argv.slice(2)).catch(error => {
  process.stderr.write(`newcomer: ${error.message}\n`)
  process.exitCode = 1
})
