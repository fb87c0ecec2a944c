/** What a binary shows to the machine that loads it: of the one made here, and of the published ones, run or not. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

import { where } from '../helpers/skips'
import { addonFile, root } from '../lifecycle/support'
import { platforms, prebuiltFile } from '../project/packed'
import { readMach } from './mach-o'
import { readPe } from './pe'

/** Of a published binary. */
const maxBytes = 5e6
const entryPoints = ['napi_register_module_v1', 'node_api_module_get_api_version_v1']
const readelf = (...args: string[]): string => execFileSync('readelf', args, { encoding: 'utf8', maxBuffer: 1 << 26 })

interface Symbol {
  name: string
  version?: string
  isDefined: boolean
}

/** The dynamic symbols: "12: 0000 8 FUNC GLOBAL DEFAULT UND memcpy@GLIBC_2.14 (5)". */
function symbolsOf(file: string): Symbol[] {
  const lines = readelf('--dyn-syms', '--wide', file).split('\n')
  return lines.flatMap(line => {
    const [, section, name, version] =
      /^\s*\d+: [\da-f]+ +\w+ (?:FUNC|OBJECT|NOTYPE|TLS|GNU_IFUNC|<OS specific>: \d+) +(?:GLOBAL|WEAK|UNIQUE) +\w+ +(\w+) ([^\s@]+)(?:@+(\S+))?/
        .exec(line) ?? []
    return name === undefined ? [] : [{ name, version, isDefined: section !== 'UND' }]
  })
}

const exportsOf = (file: string): string[] =>
  symbolsOf(file).filter(({ isDefined }) => isDefined).map(({ name }) => name).sort()

const librariesOf = (file: string): string[] =>
  [...readelf('-d', '--wide', file).matchAll(/\(NEEDED\).*\[(.+)\]/g)].map(([, name]) => name!)

/** Texts in it that name this checkout or its user. */
function machinePaths(file: string): string[] {
  const text = readFileSync(file, 'latin1')
  return [`${root}/`, `${homedir()}/`].filter(path => text.includes(path))
}

where('readelf', describe)('the binary of npm run build', () => {
  it('exports the two functions that Node looks up, and nothing else', () => {
    expect(exportsOf(addonFile)).toEqual(entryPoints)
  })

  it('names no folder of the machine that made it', () => {
    expect(machinePaths(addonFile)).toEqual([])
  })
})

const published = platforms.map(each => ({ ...each, file: join(root, prebuiltFile(each)) }))
const there = (os: string): typeof published => published.filter(each => each.os === os && existsSync(each.file))

where('prebuilt', describe)('published binaries', () => {
  for (const { name, file, libc } of there('linux')) {
    it(`${name} needs nothing but the C library of its platform`, () => {
      const own = /^(libc|libm|libpthread|libdl|librt|ld-linux-[\w-]+)\.so(\.\d)?$/
      expect(librariesOf(file).filter(library => !own.test(library))).toEqual([])
      const versions = symbolsOf(file).flatMap(({ version }) => version ?? [])
      const tooNew = versions.filter(version => {
        const [, minor] = /^GLIBC_2\.(\d+)(?:\.\d+)*$/.exec(version) ?? []
        return minor === undefined || Number(minor) > 28
      })
      expect(libc === 'glibc' ? tooNew : versions).toEqual([])
      if (libc === 'glibc') expect(versions.length).toBeGreaterThan(10)
    })

    it(`${name} exports the two functions that Node looks up, and is stripped`, () => {
      expect(exportsOf(file)).toEqual(entryPoints)
      const sections = readelf('-S', '--wide', file)
      expect(sections).toContain('.dynsym')
      expect(sections).not.toMatch(/\.symtab|\.debug_/)
    })
  }

  for (const { name, file, cpu } of there('win32')) {
    it(`${name} is for its CPU, needs Windows alone and no program of a certain name, and exports the two functions`, () => {
      const found = readPe(file)
      const own = /^(api-ms-win-crt-[\w-]+|ucrtbase|msvcrt|kernel32|ntdll|advapi32|bcrypt)\.dll$/
      expect(found.libraries.filter(library => !own.test(library))).toEqual([])
      expect([found.cpu, found.exports]).toEqual([cpu, entryPoints])
    })
  }

  for (const { name, file, cpu } of there('darwin')) {
    it(`${name} is for its CPU and macOS 11, needs what comes with it, is signed, and exports the two functions`, () => {
      const found = readMach(file)
      const own = /^(\/usr\/lib\/lib(System\.B|c\+\+\.1|objc\.A)\.dylib|\/System\/Library\/Frameworks\/.*)$/
      expect(found.libraries.filter(library => !own.test(library))).toEqual([])
      // zig's linker reads no list of exports, and adds the library's header
      const names = found.exports.filter(each => !/^(__dso_handle|_mh_dylib_header)$/.test(each))
      expect([found.cpu, found.oldestSystem, names]).toEqual([cpu, '11.0', entryPoints])
      expect(found.imports).toContain('napi_create_function')
      if (cpu === 'arm64') expect(found.isSigned).toBe(true) // such a Mac loads nothing else
    })
  }

  it('are small', () => {
    const large = published.filter(({ file }) => existsSync(file) && statSync(file).size > maxBytes)
    expect(large.map(({ name }) => name)).toEqual([])
  })

  it('name no folder of the machine that made them', () => {
    const telling = published.filter(({ file }) => existsSync(file)).map(({ name, file }) => [name, machinePaths(file)])
    expect(telling).toEqual(telling.map(([name]) => [name, []]))
  })
})
