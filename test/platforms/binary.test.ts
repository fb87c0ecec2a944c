/** What a binary shows to the machine that loads it, read by binutils: of the one made here, and of the published ones. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

import { where } from '../helpers/skips'
import { addonFile, root } from '../lifecycle/support'
import { platforms, prebuiltFile } from '../project/packed'

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
const made = (os: string): [string, string, string | undefined][] =>
  published.filter(each => each.os === os && existsSync(each.file)).map(({ name, file, libc }) => [name, file, libc])

where('prebuilt', describe)('published binaries', () => {
  for (const [name, file, libc] of made('linux')) {
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

  for (const [name, file] of made('win32')) {
    it(`${name} needs no C++ runtime to be installed`, () => {
      const foreign = /(vcruntime\w*|msvcp\w*|lib(stdc\+\+|c\+\+|gcc|winpthread)[\w.-]*)\.dll/i
      expect(foreign.exec(readFileSync(file, 'latin1'))?.[0]).toBeUndefined()
    })
  }

  it('name no folder of the machine that made them', () => {
    const telling = published.filter(({ file }) => existsSync(file)).map(({ name, file }) => [name, machinePaths(file)])
    expect(telling).toEqual(telling.map(([name]) => [name, []]))
  })
})
