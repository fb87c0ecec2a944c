// Brings ggml into vendor/ggml from the npm package pinned in vendor/ggml.json.
'use strict'

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { npmArchive } = require('./npm-archive.cjs')
const { run } = require('./run.cjs')

const root = path.join(__dirname, '..')
const pin = require('../vendor/ggml.json')
const target = path.join(root, 'vendor', 'ggml')
const stamp = path.join(target, '.pin')

/** Folder of the ggml tree to build with: GGCLIP_GGML_DIR, or vendor/ggml, filled first if it is missing or stale. */
function vendorGgml() {
  const own = process.env.GGCLIP_GGML_DIR
  if (own) {
    if (!fs.existsSync(path.join(own, 'CMakeLists.txt'))) {
      throw new Error(`GGCLIP_GGML_DIR: expected a ggml tree with CMakeLists.txt, found none in ${own}`)
    }
    return path.resolve(own)
  }
  if (fs.existsSync(stamp) && fs.readFileSync(stamp, 'utf8') === pin.commit) return target

  const work = fs.mkdtempSync(path.join(os.tmpdir(), 'ggclip-vendor-'))
  try {
    fetchTree(work)
  } finally {
    fs.rmSync(work, { recursive: true, force: true })
  }
  return target
}

function fetchTree(work) {
  const name = `${pin.package}@${pin.version}`
  process.stderr.write(`vendor: fetching ggml ${pin.ggml} from npm package ${name}\n`)
  const sha512 = pin.integrity.replace(/^sha512-/, '')
  const archive = npmArchive({ name: pin.package, version: pin.version, sha512 }, work)
  run('tar', ['-xzf', archive, pin.bundle], { cwd: work })
  run('git', ['-c', 'advice.detachedHead=false', 'clone', '--quiet', '--no-checkout', pin.bundle, 'tree'], {
    cwd: work,
  })
  const tree = path.join(work, 'tree')
  const head = run('git', ['rev-parse', 'HEAD'], { cwd: tree, capture: true }).trim()
  if (head !== pin.commit) throw new Error(`${name}: expected commit ${pin.commit} in its bundle, found ${head}`)
  run('git', ['checkout', '--quiet', 'HEAD', '--', 'ggml', 'LICENSE'], { cwd: tree })

  // Built beside and renamed, so that an interrupted run leaves no half tree behind.
  const fresh = `${target}.new-${process.pid}`
  fs.rmSync(fresh, { recursive: true, force: true })
  fs.cpSync(path.join(tree, 'ggml'), fresh, { recursive: true })
  fs.copyFileSync(path.join(tree, 'LICENSE'), path.join(fresh, 'LICENSE'))
  fs.writeFileSync(path.join(fresh, '.pin'), pin.commit)
  fs.rmSync(target, { recursive: true, force: true })
  fs.renameSync(fresh, target)
}

module.exports = { vendorGgml }

if (require.main === module) process.stdout.write(`${vendorGgml()}\n`)
