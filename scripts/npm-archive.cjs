// Fetches a package of the npm registry, pinned by version and hash.
'use strict'

const { createHash } = require('node:crypto')
const fs = require('node:fs')
const path = require('node:path')
const { run } = require('./run.cjs')

/**
 * @param {{ name: string, version: string, sha512: string }} pinned `sha512` in base64
 * @param {string} folder an empty one
 * @returns {string} the archive
 */
function npmArchive({ name, version, sha512 }, folder) {
  const soon = { npm_config_fetch_retries: '1', npm_config_fetch_timeout: '120000' }
  const args = ['pack', `${name}@${version}`, '--pack-destination', folder, '--silent', '--ignore-scripts']
  run('npm', args, { env: soon })
  const [file] = fs.readdirSync(folder).filter(entry => entry.endsWith('.tgz'))
  const archive = path.join(folder, file)
  const found = createHash('sha512').update(fs.readFileSync(archive)).digest('base64')
  if (found !== sha512) throw new Error(`${file}: expected SHA-512 ${sha512}, got ${found}`)
  return archive
}

module.exports = { npmArchive }
