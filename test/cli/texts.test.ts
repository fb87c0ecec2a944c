/** Texts and labels as files have them: every encoding that says what it is, and nothing guessed. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { where } from '../helpers/skips'

const root = path.join(__dirname, '..', '..')
const main = path.join(root, 'dist', 'cli', 'main.js')
const picture = path.join(root, 'models', 'samples', 'pizza.webp')
const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-cli-texts-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

function ggclip(
  args: string[],
  input: Buffer | string = '',
): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
    cwd: scratch,
    input,
    encoding: 'utf8',
  })
  return { status, stdout, stderr }
}

const text = 'a café\r\na red apple\r\n'
const utf16 = Buffer.from(`\ufeff${text}`, 'utf16le')
const good: [string, Buffer][] = [['UTF-8 with a mark', Buffer.from(`\ufeff${text}`)], ['UTF-16LE', utf16], ['UTF-16BE',
  Buffer.from(utf16).swap16()]]
const bad: [string, Buffer, string][] = [
  ['Latin-1', Buffer.from('a cat\ncaf\xe9\n', 'latin1'), 'UTF-8'],
  ['UTF-16 without a mark', Buffer.from('a cat\n', 'utf16le'), 'NUL'],
  ['a picture', Buffer.from('89504e470d0a1a0a00', 'hex'), 'UTF-8'],
]

describe('stdin and files', () => {
  const texts = (of: string): string[] => (JSON.parse(of) as { text: string }[]).map(one => one.text)

  it.each(good)('%s', (_, bytes) => {
    expect(texts(ggclip(['tokenize', '-', '--json'], bytes).stdout)).toEqual(['a café', 'a red apple'])
    writeFileSync(path.join(scratch, 'labels.txt'), bytes)
    const { stdout } = ggclip(['classify', picture, '--labels-file', 'labels.txt', '--json'])
    expect((JSON.parse(stdout) as { results: { label: string }[] }[])[0]!.results.map(({ label }) => label).sort())
      .toEqual(['a café', 'a red apple'])
  })

  it.each(bad)('%s is refused', (_, bytes, words) => {
    writeFileSync(path.join(scratch, 'labels.txt'), bytes)
    for (
      const { status, stderr } of [
        ggclip(['embed', '--text', '-', '--json'], bytes),
        ggclip(['classify', picture, '--labels-file', 'labels.txt']),
      ]
    ) {
      expect(stderr).toContain(words)
      expect(stderr).toMatch(/^ggclip: .*(stdin|labels\.txt).*\(ERR_CLIP_FILE_FORMAT\)\n$/)
      expect(status).toBe(1)
    }
  })

  it('keys of the server', () => {
    writeFileSync(path.join(scratch, 'keys.txt'), Buffer.from('name a-key-of-some-length-\xe9', 'latin1'))
    expect(ggclip(['serve', '--port', '0', '--api-keys-file', 'keys.txt']).stderr).toMatch(
      /keys file 'keys\.txt': expected UTF-8.*\(ERR_CLIP_FILE_FORMAT\)/,
    )
  })
})

describe('arguments that are not UTF-8', () => {
  // bytes as a shell of Latin-1 hands them over; Node's own spawn encodes them
  const shell = (args: string): { status: number | null; stderr: string } => (
    spawnSync('/bin/sh', ['-c', `e=$(printf 'caf\\351'); exec '${process.execPath}' '${main}' ${args}`], {
      encoding: 'utf8',
    })
  )
  where('posix', it).each(['embed --text "$e"', 'tokenize a "$e"', `classify '${picture}' --labels "a,$e"`,
    `similarity '${picture}' "$e"`])('%s', args => {
      const { status, stderr } = shell(args)
      expect(stderr).toMatch(/is not UTF-8.*ERR_CLIP_INVALID_ARGUMENT/)
      expect(status).toBe(2)
    })
})

describe('serve --model', () => {
  it.each([
    ['my model.gguf', 'name=path'],
    ['modèle.gguf', 'name=path'],
    ['runs/lr=0.1/none.gguf', "'0.1/none.gguf'"],
    ['constructor=none.gguf', "model 'constructor' cannot be loaded"],
    ['a=x.gguf', "model 'a' cannot be loaded"],
  ])('%s', (model, words) => {
    const { status, stderr } = ggclip(['serve', '--port', '0', '--model', model, '--log-level', 'silent'])
    expect(stderr).toContain(words)
    expect(status).not.toBe(0)
  })

  it('a path that exists is a path', () => {
    mkdirSync(path.join(scratch, 'runs', 'lr=0.1'), { recursive: true })
    writeFileSync(path.join(scratch, 'runs', 'lr=0.1', 'model.gguf'), 'no model')
    expect(ggclip(['serve', '--port', '0', '--model', 'runs/lr=0.1/model.gguf', '--log-level', 'silent']).stderr)
      .toMatch(/model 'model' cannot be loaded: .*runs.lr=0\.1.model\.gguf/)
  })
})
