// Measures which lines the tests run: TypeScript by the jest suite (in its own processes, and in the programs that it starts from
// dist/), C++ by the native test programs and by jest's tests of model files. Prints the figures by folder, writes the lines that
// nothing ran to coverage/uncovered.txt, and fails when a test does.
//
//   node scripts/coverage.cjs [--typescript | --native] [TEST...]     one half; TEST: for jest, default all
//   --measured FOLDER: TypeScript starts from what GGCLIP_COVERAGE=FOLDER npm test counted, in jest's own processes
//
// The other tests of jest run C++, too, but are not counted: counting makes kernels too slow for their deadlines.
'use strict'

const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { parseArgs } = require('node:util')
const ts = require('typescript')
const { buildNative } = require('./build-native.cjs')
const { run } = require('./run.cjs')
const { runNativeTests } = require('./test-native.cjs')

const root = path.join(__dirname, '..')
const out = path.join(root, 'coverage')
const bin = (name, file) => path.join(path.dirname(require.resolve(`${name}/package.json`)), file)

/** Lines by file and number: how often each ran at most. */
class Lines {
  files = new Map()

  add(file, line, count) {
    if (!this.files.has(file)) this.files.set(file, new Map())
    const lines = this.files.get(file)
    lines.set(line, Math.max(lines.get(line) ?? 0, count))
  }

  /** Of istanbul's JSON: each statement is a line. Returns whether there is one. */
  addIstanbul(file) {
    if (!fs.existsSync(file)) return false
    for (const { path: full, statementMap, s } of Object.values(JSON.parse(fs.readFileSync(file, 'utf8')))) {
      if (!hasCode(full)) continue
      for (const [id, { start }] of Object.entries(statementMap))
        this.add(path.relative(root, full).split(path.sep).join('/'), start.line, s[id])
    }
    return true
  }
}

/** Modules of types alone compile to nothing, and no process loads them: they have no lines to run. */
function hasCode(file) {
  if (!fs.existsSync(file)) return true
  const { outputText } = ts.transpileModule(fs.readFileSync(file, 'utf8'), {
    compilerOptions: { module: ts.ModuleKind.CommonJS, removeComments: true },
  })
  return outputText.replace(/^("use strict"|Object\.defineProperty\(exports, "__esModule".*);$/gm, '').trim() !== ''
}

/** @returns {number | null} its exit status */
const runJest = (args, env) =>
  spawnSync(process.execPath, [bin('jest', 'bin/jest.js'), ...args], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  }).status

/** @returns {boolean} whether the tests passed */
function runTypeScript(lines, tests) {
  const raw = path.join(out, 'raw')
  try {
    // dist/ with source maps, for the programs that the tests start
    run(
      process.execPath,
      [bin('typescript', 'bin/tsc'), '-p', 'tsconfig.build.json', '--sourceMap', '--inlineSources'],
      { cwd: root },
    )
    // first the tests: jest takes what follows --testMatch for more patterns
    const status = runJest([...tests, '--testMatch', '<rootDir>/test/**/*.test.ts'], {
      GGCLIP_COVERAGE: out,
      NODE_V8_COVERAGE: raw,
    })
    lines.addIstanbul(path.join(out, 'coverage-final.json'))
    const report = ['report', '--temp-directory', raw, '--reports-dir', path.join(out, 'programs'), '--reporter',
      'json', '--src', root, '--include', 'lib/**', '--exclude-after-remap']
    run(process.execPath, [bin('c8', 'bin/c8.js'), ...report], { cwd: root })
    lines.addIstanbul(path.join(out, 'programs', 'coverage-final.json'))
    return status === 0
  } finally {
    for (const file of fs.readdirSync(path.join(root, 'dist'), { recursive: true }))
      if (file.endsWith('.map')) fs.rmSync(path.join(root, 'dist', file))
    require('./build-ts.cjs').buildTs()
  }
}

/** @returns {boolean} whether the tests passed */
function runNative(lines) {
  const build = path.join(root, 'build', 'coverage')
  const counts = () =>
    fs.readdirSync(build, { recursive: true }).filter(file => /ggclip_core\.dir.*\.gcda$/.test(file)).map(file =>
      path.join(build, file)
    )
  process.env.GGCLIP_CMAKE_ARGS = `${process.env.GGCLIP_CMAKE_ARGS ?? ''} -DGGCLIP_COVERAGE=ON`
  buildNative({ tests: true, out: build })
  for (const file of counts()) fs.rmSync(file)
  const addon = path.join(build, 'ggclip.node')
  // but the one of a full-size model
  const files = ['test/formats', 'test/model-files', 'test/models', 'test/reference', '--testPathIgnorePatterns', 'b32']
  const passed = [
    runNativeTests(build),
    runJest([...files, '--testTimeout=300000'], { GGCLIP_ADDON: addon, GGCLIP_COVERAGE: '' }) === 0,
  ].every(Boolean)
  for (const file of counts()) {
    const { files } = JSON.parse(run('gcov', ['--json-format', '--stdout', file], { cwd: build, capture: true }))
    for (const { file: source, lines: counted } of files) {
      // relative to the root, as the compiler maps paths, or to where it ran, as ccache gives them to it
      const full = [root, build].map(from => path.resolve(from, source)).find(name => fs.existsSync(name)) ?? source
      const own = path.relative(root, full).split(path.sep).join('/')
      if (own.startsWith('cpp/')) { for (const { line_number: line, count } of counted) lines.add(own, line, count) }
    }
  }
  return passed && lines.files.size > 0
}

/** `lib/clip/clip.ts`: its folder two levels deep. */
const folderOf = file => file.split('/').slice(0, -1).slice(0, 2).join('/')

function print(title, lines) {
  const folders = new Map()
  for (const [file, counts] of lines.files) {
    const all = folders.get(folderOf(file)) ?? { run: 0, total: 0 }
    all.total += counts.size
    all.run += [...counts.values()].filter(count => count > 0).length
    folders.set(folderOf(file), all)
  }
  const row = (name, { run: covered, total }) =>
    `  ${name.padEnd(24)} ${`${(100 * covered / total).toFixed(1)} %`.padStart(8)}  ${covered} of ${total} lines\n`
  const sum = [...folders.values()].reduce((a, b) => ({ run: a.run + b.run, total: a.total + b.total }), {
    run: 0,
    total: 0,
  })
  process.stdout.write(
    `\n${title}\n${
      [...folders].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, counted]) => row(name, counted)).join('')
    }${row('all', sum)}`,
  )
}

/** `lib/a.ts: 3-5, 9`. */
function uncovered(lines) {
  return [...lines.files].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([file, counts]) => {
    const ranges = []
    for (const [line, count] of [...counts].sort(([a], [b]) => a - b)) {
      if (count > 0) ranges.push(null)
      else if (ranges.at(-1)) ranges.at(-1)[1] = line
      else ranges.push([line, line])
    }
    const named = ranges.filter(Boolean).map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`))
    return named.length > 0 ? [`${file}: ${named.join(', ')}`] : []
  })
}

function main(args) {
  const { values: options, positionals: tests } = parseArgs({
    args,
    allowPositionals: true,
    options: { typescript: { type: 'boolean' }, native: { type: 'boolean' }, measured: { type: 'string' } },
  })
  const all = !options.typescript && !options.native
  const counted = lines => lines.addIstanbul(path.resolve(options.measured, 'coverage-final.json'))
  const halves = [
    (all || options.typescript) && {
      title: 'TypeScript, by the jest suite',
      measure: lines => (options.measured === undefined || counted(lines)) && runTypeScript(lines, tests),
    },
    (all || options.native) && { title: 'C++, by the native tests and those of model files', measure: runNative },
  ].filter(Boolean)
  fs.rmSync(out, { recursive: true, force: true })
  fs.mkdirSync(out, { recursive: true })
  const measured = halves.map(({ title, measure }) => {
    const lines = new Lines()
    return { title, lines, passed: measure(lines) }
  })
  for (const { title, lines } of measured) print(title, lines)
  fs.writeFileSync(path.join(out, 'uncovered.txt'), `${measured.flatMap(({ lines }) => uncovered(lines)).join('\n')}\n`)
  process.stdout.write('\nLines that nothing ran: coverage/uncovered.txt\n')
  if (measured.some(({ passed }) => !passed)) process.exitCode = 1
}

module.exports = { Lines, uncovered }

if (require.main === module) main(process.argv.slice(2))
