// Finds the Chromium for the web page's tests and screenshots: CHROME_PATH, an installed one, or the one that
// scripts/fetch-chromium.cjs has fetched.
'use strict'

const fs = require('node:fs')
const path = require('node:path')

const fetched = path.join(__dirname, '..', 'build', 'chromium')
const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

/** What it is started with, apart from what drives it. */
const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** @returns {string | undefined} undefined also where CHROME_PATH is 'none' @throws {Error} when CHROME_PATH is set and is no program */
function findBrowser() {
  const { CHROME_PATH: chosen, PATH = '' } = process.env
  if (chosen === 'none') return undefined
  if (chosen) {
    if (!isProgram(chosen)) throw new Error(`CHROME_PATH: expected the path of a Chromium, or 'none', got '${chosen}'`)
    return chosen
  }
  const folders = PATH.split(path.delimiter)
  return [...names.flatMap(name => folders.map(folder => path.join(folder, name))), path.join(fetched, 'chromium')]
    .find(isProgram)
}

function isProgram(file) {
  try {
    fs.accessSync(file, fs.constants.X_OK)
    return fs.statSync(file).isFile()
  } catch {
    return false
  }
}

/** @returns {Promise<import('playwright-core').Browser>} */
function launch(executablePath = findBrowser()) {
  const { chromium } = require('playwright-core')
  return chromium.launch({ executablePath, args: flags })
}

module.exports = { fetched, findBrowser, flags, launch }
