/** What a 64-bit Windows library shows to its loader: CPU, imported libraries, exported functions. */
import { readFileSync } from 'node:fs'

export interface PeFile {
  /** 'x64', 'arm64', or the number of another machine. */
  cpu: string
  /** Names of the libraries that it imports, in lower case, delayed ones included. */
  libraries: string[]
  exports: string[]
}

const machines: Readonly<Record<number, string>> = { 0x8664: 'x64', 0xaa64: 'arm64' }

/** @throws {Error} if the file is no 64-bit portable executable */
export function readPe(path: string): PeFile {
  const file = readFileSync(path)
  const header = file.readUInt32LE(0x3c)
  const optional = header + 24
  if (file.toString('latin1', header, header + 4) !== 'PE\0\0' || file.readUInt16LE(optional) !== 0x20b)
    throw new Error(`${path}: no 64-bit portable executable`)
  const sections = optional + file.readUInt16LE(header + 20)
  /** Where the byte that is loaded at this address is in the file. */
  const offset = (address: number): number => {
    for (let i = 0; i < file.readUInt16LE(header + 6); i++) {
      const at = sections + i * 40, start = file.readUInt32LE(at + 12)
      if (address >= start && address < start + file.readUInt32LE(at + 16))
        return address - start + file.readUInt32LE(at + 20)
    }
    throw new Error(`${path}: address ${address} is in no section`)
  }
  const text = (address: number): string => {
    const start = offset(address)
    return file.toString('latin1', start, file.indexOf(0, start))
  }
  /** A list of the header: its address, or 0. */
  const directory = (index: number): number => file.readUInt32LE(optional + 112 + index * 8)

  const librariesIn = (index: number, entrySize: number, nameAt: number): string[] => {
    const names: string[] = []
    if (directory(index) === 0) return names
    for (let at = offset(directory(index)); file.readUInt32LE(at + nameAt) !== 0; at += entrySize)
      names.push(text(file.readUInt32LE(at + nameAt)).toLowerCase())
    return names
  }
  const exportsOf = (): string[] => {
    if (directory(0) === 0) return []
    const at = offset(directory(0)), names = offset(file.readUInt32LE(at + 32))
    return Array.from({ length: file.readUInt32LE(at + 24) }, (_, i) => text(file.readUInt32LE(names + i * 4))).sort()
  }
  const machine = file.readUInt16LE(header + 4)
  return {
    cpu: machines[machine] ?? String(machine),
    libraries: [...librariesIn(1, 20, 12), ...librariesIn(13, 32, 4)].sort(),
    exports: exportsOf(),
  }
}
