// Installs the packed archives (npm run packages) with every package manager, from a registry on this machine, and encodes in
// each installation. An installation that warns, fails or brings no binary is a failure. For Linux x64.
//
//   node test/managers/run.cjs [WORD]      those whose name has the word
'use strict'

const { spawn } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { managers } = require('./managers.cjs')
const { startRegistry } = require('./registry.cjs')

/** What no installation says. */
const warning = /warn|error|blocked|ignored build|deprecated/i

/** @returns {Promise<string>} all that it said */
function execute([command, ...args], cwd, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', text => (said += text))
    child.on('error', reject)
    child.on('close', (code, signal) => {
      if (code === 0) resolve(said)
      else reject(
          new Error(
            `${path.basename(command)} ${args.join(' ')}: ended with ${signal ?? `exit code ${code}`}:\n${said}`,
          ),
        )
    })
  })
}

/** The environment of somebody who never installed anything and has no compiler, Python or git: PATH finds a shell and Node. */
function cleanEnvironment(home) {
  const programs = path.join(home, 'programs')
  fs.mkdirSync(programs, { recursive: true })
  for (const [name, file] of [['node', process.execPath], ['sh', '/bin/sh']])
    fs.symlinkSync(file, path.join(programs, name))
  const own = Object.entries(process.env).filter(([name]) => !/^(npm_|yarn_|bun_|deno_|pnpm_|ggclip_|xdg_)/i.test(name))
  const settings = { HOME: home, PATH: programs, YARN_CACHE_FOLDER: `${home}/yarn`, CI: '1', NO_COLOR: '1' }
  return { ...Object.fromEntries(own), ...settings }
}

async function attempt({ files, install, start, warns = warning }, { url, main }, scratch) {
  const project = path.join(scratch, 'project')
  fs.mkdirSync(project)
  const written = { ...files(url), 'package.json': '{ "name": "consumer", "license": "MIT", "private": true }\n' }
  for (const [name, text] of Object.entries(written)) fs.writeFileSync(path.join(project, name), text)
  fs.copyFileSync(path.join(__dirname, 'encode.cjs'), path.join(project, 'encode.cjs'))
  const env = cleanEnvironment(path.join(scratch, 'home'))
  const said = await execute(install(main), project, env)
  const warned = said.split('\n').filter(line => warns.test(line))
  if (warned.length > 0) throw new Error(`the installation warns:\n${warned.join('\n')}`)
  const answer = await execute([...start(), 'encode.cjs'], project, env)
  const { label, length } = JSON.parse(answer.trim().split('\n').at(-1))
  if (label !== 'rocket' || Math.abs(length - 1) > 1e-4) throw new Error(`a wrong answer: ${answer}`)
}

async function main([word = '']) {
  const registry = await startRegistry()
  const chosen = managers.filter(({ name }) => name.toLowerCase().includes(word.toLowerCase()))
  let failed = 0
  for (const manager of chosen) {
    const scratch = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'ggclip-manager-')))
    try {
      await attempt(manager, registry, scratch)
      process.stdout.write(`pass  ${manager.name}\n`)
    } catch (error) {
      failed++
      process.stdout.write(`FAIL  ${manager.name}: ${error.message}\n`)
    } finally {
      fs.rmSync(scratch, { recursive: true, force: true })
    }
  }
  registry.close()
  process.stdout.write(`managers: ${chosen.length - failed} passed, ${failed} failed\n`)
  if (failed > 0 || chosen.length === 0) process.exitCode = 1
}

void main(process.argv.slice(2))
