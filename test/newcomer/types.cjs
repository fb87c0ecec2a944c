// The recipe in TypeScript, strict and with the types of ggclip checked, too, in each resolution.
'use strict'

const assert = require('node:assert/strict')
const { blocks } = require('./project.cjs')
const { devDependencies } = require('../../package.json')

const strict = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  verbatimModuleSyntax: false,
  skipLibCheck: false,
  noEmit: true,
  target: 'es2022',
  types: ['node'],
}
const settings = {
  'node16, ES module': { file: 'typed.mts', module: 'node16', moduleResolution: 'node16' },
  'node16, CommonJS': { file: 'typed.cts', module: 'node16', moduleResolution: 'node16' },
  nodenext: { file: 'typed.mts', module: 'nodenext', moduleResolution: 'nodenext' },
  bundler: { file: 'typed.ts', module: 'preserve', moduleResolution: 'bundler' },
  commonjs: { file: 'typed.ts', module: 'commonjs', moduleResolution: 'node10' },
}

async function check(project, { file, ...resolution }) {
  await project.shell(
    `npm install --save-dev typescript@'${devDependencies.typescript}' @types/node@'${devDependencies['@types/node']}'`,
  )
  const code = blocks(project.page('docs/recipes.md')).find(({ language }) => language === 'ts').code
  const server =
    `import { Server } from 'ggclip/server'\nexport const serve = (): Promise<Server> => Server.start({ port: 0 })\n`
  const wrong = `// @ts-expect-error: a number is no source\nvoid Clip.load(5)\n`
  const imports = code.lastIndexOf('import ')
  project.write(
    file,
    `${code.slice(0, imports)}${server.split('\n')[0]}\n${code.slice(imports)}${server.split('\n')[1]}\n${wrong}`,
  )
  project.write('tsconfig.json', JSON.stringify({ compilerOptions: { ...strict, ...resolution }, files: [file] }))
  const { code: status, stdout } = await project.run('npx', ['tsc', '-p', '.'])
  assert.deepEqual([stdout, status], ['', 0])
}

const typeSteps = Object.entries(settings).map(([name, setting]) => ({
  name: `TypeScript: ${name}`,
  step: project => check(project, setting),
}))

module.exports = { typeSteps }
