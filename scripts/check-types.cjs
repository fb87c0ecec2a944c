// Compiles test/types/ against the package as users get it, with dist/ found by its name, under each module resolution
// of TypeScript: node16 (as a CommonJS and as an ES module), bundler, and node10, the one of `module: commonjs`.
// Against the sources, tsc -p tsconfig.json compiles the same file.
'use strict'

const fs = require('node:fs')
const path = require('node:path')
const ts = require('typescript')

const root = path.join(__dirname, '..')
const source = path.join(root, 'test', 'types', 'public-types.ts')
const place = path.join(root, 'build', 'types')

const { ModuleKind, ModuleResolutionKind } = ts
const ways = [
  {
    name: 'node16, CommonJS',
    file: 'node16.cts',
    module: ModuleKind.Node16,
    moduleResolution: ModuleResolutionKind.Node16,
  },
  {
    name: 'node16, ES module',
    file: 'node16.mts',
    module: ModuleKind.Node16,
    moduleResolution: ModuleResolutionKind.Node16,
  },
  { name: 'bundler', file: 'bundler.ts', module: ModuleKind.ESNext, moduleResolution: ModuleResolutionKind.Bundler },
  { name: 'commonjs', file: 'commonjs.ts', module: ModuleKind.CommonJS, moduleResolution: ModuleResolutionKind.Node10 },
]

/** A folder in which `ggclip` is this project. */
function makePlace() {
  if (!fs.existsSync(path.join(root, 'dist', 'index.d.ts'))) require('./build-ts.cjs').buildTs()
  fs.rmSync(place, { recursive: true, force: true })
  fs.mkdirSync(path.join(place, 'node_modules'), { recursive: true })
  fs.symlinkSync(root, path.join(place, 'node_modules', 'ggclip'), 'junction')
  const text = fs.readFileSync(source, 'utf8').replace(/'\.\.\/\.\.\/lib\/index'/, "'ggclip'").replace(
    /'\.\.\/\.\.\/lib\/(\w+)\/index'/,
    "'ggclip/$1'",
  )
  for (const { file } of ways) fs.writeFileSync(path.join(place, file), text)
}

function check({ name, file, module, moduleResolution }) {
  const options = {
    module,
    moduleResolution,
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
    strict: true,
    noEmit: true,
    // the declarations of dist/ are checked, too: of what they need, such as esModuleInterop, a project may have none
    skipLibCheck: false,
    types: ['node'],
  }
  const program = ts.createProgram([path.join(place, file)], options)
  const isOurs = ({ file: at }) => at === undefined || !/\/node_modules\/(?!ggclip\/)/.test(at.fileName)
  return ts.getPreEmitDiagnostics(program).filter(isOurs).map(({ file: at, start, messageText }) => {
    const where = at && `${path.relative(place, at.fileName)}:${at.getLineAndCharacterOfPosition(start).line + 1}: `
    return `types (${name}): ${where ?? ''}${ts.flattenDiagnosticMessageText(messageText, '\n')}`
  })
}

makePlace()
const faults = ways.flatMap(check)
for (const fault of faults) process.stderr.write(`${fault}\n`)
if (faults.length > 0) {
  process.stderr.write('types: dist/ is what was compiled against; after a change of lib/: npm run build:ts\n')
  process.exitCode = 1
}
