// The public JavaScript clients of the servers whose calls `ggclip serve --dialects` completes, as published, against that
// command: their vectors are the library's, their errors say what is wrong (npm run test:clients). Versions are
// pinned in package-lock.json beside this file and installed below build/, once.
//
//   node test/clients/run.cjs [WORD]      those whose name has the word
'use strict'

const { spawn } = require('node:child_process')
const fs = require('node:fs')
const { createRequire } = require('node:module')
const path = require('node:path')
const { run } = require('../../scripts/run.cjs')
const { clients } = require('./clients.cjs')

const root = path.join(__dirname, '..', '..')
const place = path.join(root, 'build', 'clients')
const model = 'clip'
const key = 'a-key-of-the-test'
const texts = ['a photo of a pizza', 'ünïcode 🍕', 'a rocket']
const pictures = ['pizza.webp', 'rocket.png'].map(name => path.join(root, 'models', 'samples', name))

function install() {
  const lock = fs.readFileSync(path.join(__dirname, 'package-lock.json'), 'utf8')
  const done = path.join(place, 'done')
  if (fs.existsSync(done) && fs.readFileSync(done, 'utf8') === lock) return
  fs.rmSync(place, { recursive: true, force: true })
  fs.mkdirSync(place, { recursive: true })
  for (const name of ['package.json', 'package-lock.json'])
    fs.copyFileSync(path.join(__dirname, name), path.join(place, name))
  run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: place })
  fs.writeFileSync(done, lock)
}

/** The command, once it listens. */
function serve() {
  const main = path.join(root, 'dist', 'cli', 'main.js')
  const options = ['--port', '0', '--dialects', 'ollama,cohere,voyage', '--dimensions', '64', '--threads', '1']
  const embedded = path.join(root, 'models', 'emoji-clip.gguf')
  const server = spawn(process.execPath, [main, 'serve', '--model', `${model}=${embedded}`, ...options], {
    env: { ...process.env, GGCLIP_API_KEYS: key },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  return new Promise((resolve, reject) => {
    let said = ''
    server.stderr.on('data', text => {
      said += text
      const url = /listening at (http:[^"]+)/.exec(said)?.[1]
      if (url !== undefined) resolve({ server, url })
    })
    server.on('exit', () => reject(new Error(`the server ended:\n${said}`)))
  })
}

/** What the library answers, by the names of the clients' answers. */
async function expectations() {
  const { Clip, normalize } = require(root)
  const clip = await Clip.load(undefined, { threads: 1 })
  const text = await clip.encodeText(texts)
  const picture = await Promise.all(pictures.map(file => clip.encodeImage(file)))
  await clip.dispose()
  const plain = rows => rows.map(row => Array.from(row))
  return {
    text: plain([text[0]]),
    texts: plain(text),
    pictures: plain(picture),
    mixed: plain([text[0], picture[0]]),
    shorter: plain(text.map(row => normalize(row.subarray(0, 64)))),
    signs: plain(text).map(row => row.map(value => Number(value >= 0))),
  }
}

function compare(actual, expected) {
  for (const [name, rows] of Object.entries(actual)) {
    if (expected[name] === undefined) throw new Error(`an answer without an expectation: ${name}`)
    if (JSON.stringify(rows) !== JSON.stringify(expected[name])) {
      const begin = rows?.[0]?.slice(0, 4)
      throw new Error(`${name}: ${rows?.length} vectors that begin with ${begin}, not ${expected[name][0].slice(0, 4)}`)
    }
  }
}

/** The client's own error, with the server's words; some clients of the AI SDK have them in the body only. */
async function refuses(call) {
  const failure = await Promise.resolve().then(call).then(() => undefined, error => error)
  if (!/unknown model 'absent'/.test(`${failure?.message} ${failure?.responseBody}`))
    throw new Error(`an unknown model is answered by ${failure?.stack ?? 'vectors'}`)
}

async function main([word = '']) {
  install()
  const load = createRequire(path.join(place, 'package.json'))
  const versions = load('./package-lock.json').packages
  const expected = await expectations()
  const { server, url } = await serve()
  const chosen = clients.filter(({ name }) => name.includes(word))
  let failed = 0
  for (const { name, embed } of chosen) {
    const version = versions[`node_modules/${name.split(' ')[0]}`].version
    try {
      const at = { load, url, key, model, texts, pictures: pictures.map(dataUri) }
      const actual = await embed(at)
      compare(actual, expected)
      await refuses(() => embed({ ...at, model: 'absent' }))
      process.stdout.write(`pass  ${name} ${version}: ${Object.keys(actual).join(', ')}\n`)
    } catch (error) {
      failed++
      process.stdout.write(`FAIL  ${name} ${version}: ${error.stack}\n`)
    }
  }
  server.removeAllListeners('exit')
  server.kill()
  process.stdout.write(`clients: ${chosen.length - failed} passed, ${failed} failed\n`)
  if (failed > 0 || chosen.length === 0) process.exitCode = 1
}

function dataUri(file) {
  return `data:image/${path.extname(file).slice(1)};base64,${fs.readFileSync(file, 'base64')}`
}

main(process.argv.slice(2)).catch(error => {
  process.stderr.write(`${error.stack}\n`)
  process.exit(1)
})
