/** What a 64-bit macOS library shows to its loader: CPU, system, libraries, defined and needed symbols, signature. */
import { readFileSync } from 'node:fs'

export interface MachFile {
  /** 'x64', 'arm64', or the number of another CPU. */
  cpu: string
  /** Oldest macOS, for example '11.0'. */
  oldestSystem: string
  /** Paths of the libraries that it loads. */
  libraries: string[]
  /** External symbols that it defines, without the leading underscore. */
  exports: string[]
  /** External symbols that it needs, likewise. */
  imports: string[]
  isSigned: boolean
}

const cpus: Readonly<Record<number, string>> = { 0x01000007: 'x64', 0x0100000c: 'arm64' }
/** Numbers of the load commands, from Apple's <mach-o/loader.h>. */
const command = {
  symbols: 0x2,
  library: 0xc,
  weakLibrary: 0x80000018,
  oldestSystem: 0x24,
  signature: 0x1d,
  build: 0x32,
}

/** @throws {Error} if the file is no 64-bit library or bundle of macOS */
export function readMach(path: string): MachFile {
  const file = readFileSync(path)
  const kind = file.readUInt32LE(12)
  if (file.readUInt32LE(0) !== 0xfeedfacf || (kind !== 6 && kind !== 8))
    throw new Error(`${path}: no 64-bit library or bundle of macOS`)
  const text = (start: number): string => file.toString('latin1', start, file.indexOf(0, start))
  const cpu = file.readUInt32LE(4)
  const found: MachFile = {
    cpu: cpus[cpu] ?? String(cpu),
    oldestSystem: '',
    libraries: [],
    exports: [],
    imports: [],
    isSigned: false,
  }
  /** struct nlist_64: place of the name, type, section, description, value. */
  const readSymbols = (at: number): void => {
    const first = file.readUInt32LE(at + 8), names = file.readUInt32LE(at + 16)
    for (let i = 0; i < file.readUInt32LE(at + 12); i++) {
      const entry = first + i * 16, type = file.readUInt8(entry + 4)
      const isDebugging = (type & 0xe0) !== 0, isExternal = (type & 1) !== 0, isPrivate = (type & 0x10) !== 0
      if (isDebugging || !isExternal || isPrivate) continue
      const name = text(names + file.readUInt32LE(entry)).replace(/^_/, '')
      const list = (type & 0xe) === 0 ? found.imports : found.exports
      list.push(name)
    }
  }
  for (let i = 0, at = 32; i < file.readUInt32LE(16); i++, at += file.readUInt32LE(at + 4)) {
    const which = file.readUInt32LE(at)
    if (which === command.build || which === command.oldestSystem) {
      const version = file.readUInt32LE(at + (which === command.build ? 12 : 8))
      found.oldestSystem = `${version >> 16}.${(version >> 8) & 255}`
    } else if (which === command.library || which === command.weakLibrary) {
      found.libraries.push(text(at + file.readUInt32LE(at + 8)))
    } else if (which === command.signature) {
      found.isSigned = true
    } else if (which === command.symbols) {
      readSymbols(at)
    }
  }
  found.exports.sort()
  return found
}
