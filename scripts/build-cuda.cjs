// Builds ggml's CUDA backend for one kind of GPU, as a module that GGCLIP_BACKENDS names, with NVIDIA's compiler from PyPI:
// no CUDA toolkit need be installed, and no GPU. Downloads 0.6 GB into build/cuda (1.5 GB with what is unpacked); takes about
// 90 minutes of CPU time. Needs Linux on x86-64, python3 with pip, cmake, ninja and a C++ compiler.
//
//   node scripts/build-cuda.cjs [--arch 90] [--only OBJECT,...]
//
// --arch: compute capability without its dot (75 Turing, 80 A100, 86 RTX 30, 89 RTX 40, 90 H100 and H200). --only: compiles
// only these sources of ggml-cuda, such as norm.cu, and links nothing.
'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { run } = require('./run.cjs')
const { vendorGgml } = require('./vendor-ggml.cjs')

const root = path.join(__dirname, '..')
const place = path.join(root, 'build', 'cuda')

/** NVIDIA's packages are a whole toolchain together. */
const wheels = {
  'nvidia-cuda-nvcc': '13.5.37',
  'nvidia-nvvm': '13.5.37',
  'nvidia-cuda-crt': '13.5.37',
  'nvidia-cuda-runtime': '13.5.37',
  'nvidia-cublas': '13.10.0.20',
  'nvidia-cuda-cccl': '13.3.5.0.6',
}

/** @returns {string} the folder of the toolchain */
function toolchain() {
  const files = path.join(place, 'toolchain')
  const home = path.join(files, 'nvidia', 'cu13')
  const done = path.join(files, 'done')
  const versions = JSON.stringify(wheels)
  if (fs.existsSync(done) && fs.readFileSync(done, 'utf8') === versions) return home
  fs.rmSync(files, { recursive: true, force: true })
  const archives = path.join(place, 'wheels')
  const pinned = Object.entries(wheels).map(([name, version]) => `${name}==${version}`)
  run('python3', ['-m', 'pip', 'download', '--quiet', '--no-deps', '--dest', archives, ...pinned])
  for (const name of fs.readdirSync(archives)) run('python3', ['-m', 'zipfile', '-e', path.join(archives, name), files])
  fs.rmSync(archives, { recursive: true, force: true })

  // archives keep neither permissions nor links
  for (const folder of ['bin', path.join('nvvm', 'bin')]) {
    for (const name of fs.readdirSync(path.join(home, folder))) fs.chmodSync(path.join(home, folder, name), 0o755)
  }
  fs.symlinkSync('lib', path.join(home, 'lib64'))
  for (const name of fs.readdirSync(path.join(home, 'lib'))) {
    const plain = /^(lib\w+\.so)\.\d+$/.exec(name)?.[1]
    if (plain && !fs.existsSync(path.join(home, 'lib', plain))) fs.symlinkSync(name, path.join(home, 'lib', plain))
  }
  fs.writeFileSync(done, versions)
  return home
}

/** @returns {string} the build's folder */
function configure(home, arch) {
  const source = path.join(place, 'source')
  const build = path.join(place, `sm_${arch}`)
  fs.mkdirSync(source, { recursive: true })
  // ggml's own file wants to be part of another project
  fs.writeFileSync(
    path.join(source, 'CMakeLists.txt'),
    `cmake_minimum_required(VERSION 3.18)
project(ggclip_cuda LANGUAGES C CXX)
add_subdirectory(${JSON.stringify(vendorGgml())} ggml)
`,
  )
  const settings = {
    CMAKE_BUILD_TYPE: 'Release',
    CMAKE_CUDA_ARCHITECTURES: `${arch}-real`,
    CMAKE_CUDA_COMPILER: path.join(home, 'bin', 'nvcc'),
    CUDAToolkit_ROOT: home,
    // modules beside one library that they share, as GPU packages have them
    BUILD_SHARED_LIBS: 'ON',
    GGML_BACKEND_DL: 'ON',
    CMAKE_BUILD_RPATH: '$ORIGIN',
    CMAKE_LIBRARY_OUTPUT_DIRECTORY: path.join(build, 'bin'),
    GGML_CPU: 'OFF',
    GGML_CUDA: 'ON',
    GGML_CUDA_GRAPHS: 'ON',
    GGML_CUDA_NO_VMM: 'ON', // otherwise it links the driver's library, which PyPI does not have
    GGML_CUDA_NCCL: 'OFF',
    GGML_NATIVE: 'OFF',
    GGML_OPENMP: 'OFF',
    GGML_CCACHE: 'OFF',
  }
  const defines = Object.entries(settings).map(([name, value]) => `-D${name}=${value}`)
  run('cmake', ['-S', source, '-B', build, '-G', 'Ninja', ...defines])
  return build
}

/** The objects of sources of ggml-cuda, as ninja calls them. */
function objects(build, sources) {
  const known = run('ninja', ['-C', build, '-t', 'targets', 'all'], { capture: true }).split('\n')
    .map(line => line.split(':')[0]).filter(name => name.endsWith('.cu.o'))
  return sources.map(source => {
    const found = known.find(name => path.basename(name) === `${source}.o`)
    if (found === undefined) throw new Error(`--only: expected sources of ggml-cuda, received '${source}'`)
    return found
  })
}

function main(args) {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Error(`expected linux-x64, found ${process.platform}-${process.arch}`)
  const option = (name, otherwise) => args.includes(name) ? args[args.indexOf(name) + 1] : otherwise
  const arch = option('--arch', '90')
  if (!/^\d{2,3}[af]?$/.test(arch ?? ''))
    throw new Error(`--arch: expected a compute capability such as 90, received '${arch}'`)
  const only = option('--only', '').split(',').filter(Boolean)
  fs.mkdirSync(place, { recursive: true })
  const build = configure(toolchain(), arch)
  run('ninja', ['-C', build, ...(only.length > 0 ? objects(build, only) : ['ggml-cuda'])])
  if (only.length > 0) return process.stdout.write(`compiled for sm_${arch}: ${only.join(', ')}\n`)
  const module = path.join(build, 'bin', 'libggml-cuda.so')
  process.stdout.write(`${module}: GGCLIP_BACKENDS=${module} ggclip info --device cuda\n`)
}

main(process.argv.slice(2))
