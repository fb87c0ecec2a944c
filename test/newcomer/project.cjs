// A folder in which somebody begins: nothing in it but what npm brings from a registry on this machine (the packed archives
// of `npm run packages`), a global prefix of npm at home, and an environment that knows nothing of this checkout.
'use strict'

const { spawn } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { startRegistry } = require('../managers/registry.cjs')

/** For one command, unless it is given more; it is then killed, and the step fails. */
const longestMs = 240_000

/** @typedef {{ code: number | null, signal: string | null, stdout: string, stderr: string }} Ended */

class Project {
  constructor(scratch, env) {
    this.scratch = scratch
    this.folder = path.join(scratch, 'project')
    this.env = env
  }

  write(name, text) {
    fs.writeFileSync(path.join(this.folder, name), text)
  }

  read(name) {
    return fs.readFileSync(path.join(this.folder, name), 'utf8')
  }

  /** A page that lies in the installed package, such as 'docs/search.md'. */
  page(name) {
    return this.read(path.join('node_modules', 'ggclip', name))
  }

  /** In a process group of its own: npx does not pass every signal on. */
  start(command, args, env = {}) {
    const options = {
      cwd: this.folder,
      env: { ...this.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    }
    return spawn(command, args, options)
  }

  /** @returns {Promise<Ended>} whatever its exit code */
  run(command, args, env, withinMs = longestMs) {
    return new Promise((resolve, reject) => {
      const child = this.start(command, args, env)
      const said = { stdout: '', stderr: '' }
      for (const name of ['stdout', 'stderr']) child[name].on('data', text => (said[name] += text))
      const late = setTimeout(() => process.kill(-child.pid, 'SIGKILL'), withinMs)
      child.on('error', reject)
      child.on('close', (code, signal) => {
        clearTimeout(late)
        resolve({ code, signal, ...said })
      })
    })
  }

  /** Lines for a shell, as they stand. @returns {Promise<string>} stdout @throws {Error} unless it succeeds */
  async shell(lines, env, withinMs) {
    const { code, signal, stdout, stderr } = await this.run('bash', ['-euo', 'pipefail', '-c', lines], env, withinMs)
    if (code !== 0) throw new Error(`${lines}\nended with ${signal ?? `exit code ${code}`}:\n${stdout}${stderr}`)
    return stdout
  }
}

/** The environment of somebody who never installed anything. */
function environment(home, url) {
  const own = Object.entries(process.env).filter(([name]) => !/^(npm_|ggclip_|hf_|node_(?!extra_ca)|xdg_)/i.test(name))
  return {
    ...Object.fromEntries(own),
    HOME: home,
    PATH: `${home}/global/bin${path.delimiter}${process.env.PATH}`,
    npm_config_prefix: path.join(home, 'global'),
    npm_config_registry: url,
    npm_config_update_notifier: 'false',
    NO_COLOR: '1',
  }
}

/**
 * Runs `body` in such a project, and removes it afterwards.
 *
 * @param {(project: Project) => Promise<void>} body
 */
async function withProject(body) {
  const scratch = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'ggclip-newcomer-')))
  const registry = await startRegistry()
  try {
    for (const name of ['home', 'project']) fs.mkdirSync(path.join(scratch, name))
    await body(new Project(scratch, environment(path.join(scratch, 'home'), registry.url)))
  } finally {
    registry.close()
    fs.rmSync(scratch, { recursive: true, force: true })
  }
}

/** Runs one step and says how it went, which the step may explain in words. @returns {Promise<boolean>} whether it passed */
async function attempt(project, name, step) {
  try {
    const note = await step(project)
    process.stdout.write(`pass  ${name}${note === undefined ? '' : `: ${note}`}\n`)
    return true
  } catch (error) {
    process.stdout.write(`FAIL  ${name}: ${error.message}\n`)
    return false
  }
}

/** The fenced blocks of a page. @returns {{ language: string, code: string, before: string }[]} `before`: the text above */
function blocks(page) {
  const found = []
  let end = 0
  for (const match of page.matchAll(/^ *```(\w+)\n([\s\S]*?)^ *```$/gm)) {
    found.push({ language: match[1], code: match[2], before: page.slice(end, match.index) })
    end = match.index + match[0].length
  }
  return found
}

/** What the comments of a program say that it prints: at the end of a line that prints, or in lines of their own below one. */
function promised(code) {
  const lines = []
  let isBelow = false
  for (const line of code.split('\n')) {
    const [, sameLine] = /console\.log\(.*\) \/\/ (.*)$/.exec(line) ?? []
    const [, ownLine] = /^\/\/ (.*)$/.exec(line) ?? []
    if (sameLine !== undefined) lines.push(sameLine)
    else if (ownLine !== undefined && isBelow) lines.push(ownLine)
    isBelow = /console\.log\(/.test(line) ? sameLine === undefined : isBelow && (ownLine !== undefined || line === '}')
  }
  return lines
}

module.exports = { attempt, withProject, blocks, promised }
