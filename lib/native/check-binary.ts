/**
 * What is wrong with a binary, found before the system loads it: Linux maps a file that was copied in part and ends the
 * process where the rest is missing; its message for another CPU's is "No such file or directory".
 */
import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs'
import path from 'node:path'

import { packageFile } from '../package.js'
import type { NativeAddon } from './contract.js'

const functions: Readonly<Record<keyof NativeAddon, true>> = {
  build: true,
  errorCodes: true,
  loadModel: true,
  convert: true,
  inspect: true,
  resize: true,
  detach: true,
  exitWithin: true,
  topK: true,
  similarityMatrix: true,
  openRows: true,
  scanRows: true,
}

/** ELF's numbers for the CPUs of Node's builds. */
const machines: Readonly<Record<number, string>> = {
  3: 'ia32',
  21: 'ppc64',
  22: 's390x',
  40: 'arm',
  62: 'x64',
  183: 'arm64',
  243: 'riscv64',
  258: 'loong64',
}

/** Why the file cannot be loaded; undefined if nothing speaks against it, or for what the loader says well itself. */
export function fileProblem(file: string): string | undefined {
  if (process.platform !== 'linux') return undefined // the loaders of macOS and Windows check the length
  let fd: number
  try {
    fd = openSync(file, 'r')
  } catch {
    return undefined
  }
  try {
    return elfProblem((length, at) => readPart(fd, length, at), fstatSync(fd).size)
  } catch {
    return undefined // a folder
  } finally {
    closeSync(fd)
  }
}

function readPart(fd: number, length: number, at: number): Buffer {
  const bytes = Buffer.alloc(length)
  return bytes.subarray(0, readSync(fd, bytes, 0, length, at))
}

function elfProblem(read: (length: number, at: number) => Buffer, size: number): string | undefined {
  const header = read(64, 0)
  const isElf = header.length === 64 && header.toString('latin1', 0, 4) === '\x7fELF'
  if (!isElf || header[5] !== 1) return undefined // little-endian alone
  const machine = machines[header.readUInt16LE(18)]
  if (machine !== undefined && machine !== process.arch)
    return `it is for ${machine}, and this process is ${process.arch}`
  const end = leastSize(header, read)
  return size < end ? `it is damaged: ${size} bytes of at least ${end} are there; install it again` : undefined
}

/** Where a whole file ends at the earliest: after its segments, and after the list of its sections, which linkers write last. */
function leastSize(header: Buffer, read: (length: number, at: number) => Buffer): number {
  const is64 = header[4] === 2
  const number = (bytes: Buffer, at: number): number =>
    is64 ? Number(bytes.readBigUInt64LE(at)) : bytes.readUInt32LE(at)
  const first = number(header, is64 ? 32 : 28), length = is64 ? 56 : 32
  const bytes = length * header.readUInt16LE(is64 ? 56 : 44)
  const segments = read(bytes, first)
  const ends = [
    first + bytes,
    number(header, is64 ? 40 : 32) + header.readUInt16LE(is64 ? 58 : 46) * header.readUInt16LE(is64 ? 60 : 48),
  ]
  for (let at = 0; at + length <= segments.length; at += length)
    ends.push(number(segments, at + (is64 ? 8 : 4)) + number(segments, at + (is64 ? 32 : 16)))
  return Math.max(...ends)
}

/** Why a package's binary is not this package's: what was installed by name stays when ggclip is updated. */
export function versionProblem(file: string, name: string): string | undefined {
  try {
    const own = packageFile()
    const its = JSON.parse(readFileSync(path.join(path.dirname(file), 'package.json'), 'utf8')) as Partial<typeof own>
    // in a bundle the file is another package's
    if (own.name !== 'ggclip' || its.version === undefined || its.version === own.version) return undefined
    return `it has version ${its.version}, and ggclip ${own.version}: "npm install ${name}@${own.version}"`
  } catch {
    return undefined // a bundler left one of the files out
  }
}

/** Why a module is not this package's addon. */
export function addonProblem(addon: unknown): string | undefined {
  const found = Object(addon) as Record<string, unknown>
  const absent = Object.keys(functions).filter(name => typeof found[name] !== 'function')
  return absent.length === 0 ? undefined : `it is no addon of this version of ggclip: without ${absent.join(', ')}`
}
