/** How the command line is called, refuses and ends: help, wrong arguments, signals, readers that leave. */
import { readFileSync } from 'node:fs'
import path from 'node:path'

import { ggclip, inModel, root } from './support'

describe('usage', () => {
  it('prints the version and the help', async () => {
    const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string }
    expect(await ggclip(['--version'])).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' })
    const help = await ggclip(['--help'])
    expect(help.status).toBe(0)
    for (
      const verb of ['classify', 'embed', 'similarity', 'index', 'search', 'dedupe', 'cluster', 'watch', 'export',
        'import', 'mcp', 'enqueue', 'work', 'queue', 'tokenize', 'info', 'models', 'pull', 'inspect', 'convert',
        'quantize', 'demo']
    ) {
      expect(help.stdout).toMatch(new RegExp(`^  ${verb} `, 'm'))
      const own = await ggclip([verb, '--help'])
      expect(own).toMatchObject({ status: 0, stderr: '' })
      expect(own.stdout).toContain('Examples:')
      expect(own.stdout).toContain('--json')
      if (!['convert', 'quantize', 'inspect', 'models', 'pull', 'enqueue', 'queue', 'export'].includes(verb))
        expect(own.stdout).toContain('--model')
    }
  })

  it('wraps a description once, at the width that there is', async () => {
    const { stdout } = await ggclip(['enqueue', '--help'])
    const [, description] = /^Usage: .*\n\n([^]*?)\n\nArguments:/.exec(stdout) ?? []
    for (const paragraph of description!.split('\n\n')) {
      const lines = paragraph.split('\n')
      // a word that would have fit into a line stands at the next one's start
      const early = lines.slice(0, -1).filter((line, i) => line.length + 1 + lines[i + 1]!.split(' ')[0]!.length < 80)
      expect({ early, long: lines.filter(line => line.length > 80) }).toEqual({ early: [], long: [] })
    }
  })

  it('has every command in the table of docs/cli.md, and no other', async () => {
    const manual = readFileSync(path.join(root, 'docs', 'cli.md'), 'utf8')
    const [, table] = /^\| command \|.*\n\| --- .*\n((?:\|.*\n)+)/m.exec(manual) ?? []
    const described = [...table!.matchAll(/^\| `(\w+)/gm)].map(([, verb]) => verb)
    const { stdout } = await ggclip(['--help'])
    const [, list] = /^Commands:\n([^]*?)\n\n/m.exec(stdout) ?? []
    const verbs = [...list!.matchAll(/^ {2}(\w+) /gm)].map(([, verb]) => verb).filter(verb => verb !== 'help')
    expect(verbs.length).toBeGreaterThan(20)
    expect(described.sort()).toEqual(verbs.sort())
  })

  it.each([
    [['clasify'], "unknown command 'clasify' (Did you mean classify?) (ERR_CLIP_INVALID_ARGUMENT)"],
    [['clasify', '--help'], "unknown command 'clasify' (Did you mean classify?) (ERR_CLIP_INVALID_ARGUMENT)"],
    [['help', 'clasify'], "unknown command 'clasify' (Did you mean classify?) (ERR_CLIP_INVALID_ARGUMENT)"],
    [['classify', 'a.png', '--labls', 'a'], /'--labls' \(Did you mean --labels\?\) \(ERR_CLIP_UNKNOWN_OPTION\)$/],
    [['classify', 'a.png'], 'no labels: give some with --labels a,b,c or --labels-file (ERR_CLIP_INVALID_ARGUMENT)'],
    [['classify', 'a.png', '--labels', ' ,,'], /no labels: .*\(ERR_CLIP_INVALID_ARGUMENT\)$/],
    [['classify', '--labels', 'a'], "missing required argument 'image' (ERR_CLIP_INVALID_ARGUMENT)"],
    [['embed'], 'nothing to embed: give images, or texts with --text (ERR_CLIP_INVALID_ARGUMENT)'],
    [['embed', 'a.png', '--text', 'b'], 'give images or --text, not both (ERR_CLIP_INVALID_ARGUMENT)'],
    [['info', '--threads', 'two'], /'--threads <n>' argument 'two' is invalid\..*\(ERR_CLIP_INVALID_ARGUMENT\)/],
    [['info', '--threads', '0'], /threads but received 0 .*\(ERR_CLIP_OUT_OF_RANGE\)/],
    [['embed', 'a.png', '--background', '1,2'], /Expected r,g,b or #rrggbb\. \(ERR_CLIP_INVALID_ARGUMENT\)/],
    [['info', '--max-batch', '0'], /maxBatch but received 0 .*\(ERR_CLIP_OUT_OF_RANGE\)/],
    [['info', '--device', 'abacus'], /'auto', 'cpu'.* for device .*\(ERR_CLIP_OUT_OF_RANGE\)/],
    [['info', 'a', '--model', 'b'], /give the model only once: .*\(ERR_CLIP_INVALID_ARGUMENT\)$/],
    [['quantize', 'a', 'b', '--dtype', 'q8_0,q4_0'],
      "several types need {type} in the output's name (ERR_CLIP_INVALID_ARGUMENT)"],
    [['quantize', 'a', 'b', '--samples', 'c'], '--samples is for --report (ERR_CLIP_INVALID_ARGUMENT)'],
    [['quantize', '.', 'b', '--dtype', 'q3'], /for dtype but received 'q3' .*\(ERR_CLIP_OUT_OF_RANGE\)$/],
    [['embed', 'a.png', '--hidden-state', '-1'], '--hidden-state needs --out (ERR_CLIP_INVALID_ARGUMENT)'],
    [['embed', 'a.png', '--final-norm'], '--final-norm is for --hidden-state (ERR_CLIP_INVALID_ARGUMENT)'],
    [['embed', 'a.png', '--out', 'a.csv'], "'a.csv': --out writes .npy or .safetensors (ERR_CLIP_INVALID_ARGUMENT)"],
    [['embed', 'a.png', '--hidden-state', 'last', '--out', 'a.npy'],
      /Expected a whole number, or several with commas\. \(ERR_CLIP_INVALID_ARGUMENT\)/],
    [['queue', '--dead', '--requeue'], 'give --dead or --requeue, not both (ERR_CLIP_INVALID_ARGUMENT)'],
    [['work', '--store', 'memory:'], /a store in memory would end with the worker: .*\(ERR_CLIP_INVALID_ARGUMENT\)/],
    [['work', '--store', 'lance:x', '--metrics', 'abc'],
      "expected [host:]port for --metrics, not 'abc' (ERR_CLIP_INVALID_ARGUMENT)"],
    [['import', 'a', '--store', 'memory:'],
      /a store in memory would end with the command: .*\(ERR_CLIP_INVALID_ARGUMENT\)/],
    [['import', 'a', '--store', 'lance:x', '--field', 'b:string', '--field', 'b:number'],
      "expected one kind for the field 'b', not two with --field (ERR_CLIP_INVALID_ARGUMENT)"],
    [['convert', 'a', 'b', '--override', 'c'], /Expected pattern=type\. \(ERR_CLIP_INVALID_ARGUMENT\)/],
  ])('%j ends with status 2', async (args, message) => {
    const { status, stdout, stderr } = await ggclip(args)
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    const [first, hint] = stderr.split('\n')
    if (typeof message === 'string') expect(first).toBe(`ggclip: ${message}`)
    else expect(first).toMatch(message)
    expect(hint).toMatch(/^run "ggclip (?:\w+ )?--help" for help$/)
  })

  it('prints the help on stderr when there is no command', async () => {
    const { status, stdout, stderr } = await ggclip([])
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toContain('Usage: ggclip')
  })

  it('prints a stack only for GGCLIP_DEBUG', async () => {
    const plain = await ggclip(['info', 'nowhere'])
    expect(plain.status).toBe(1)
    expect(plain.stderr).toMatch(/^ggclip: no model at 'nowhere': .*\(ERR_CLIP_MODEL_UNKNOWN\)\n$/)
    const debug = await ggclip(['info', 'nowhere'], { env: { GGCLIP_DEBUG: '1' } })
    expect(debug.stderr).toMatch(/\n +at /)
  })
})

describe('the process', () => {
  it('ends with 130 on SIGINT', async () => {
    const { status, stdout, stderr } = await ggclip(['embed', '--text', '-', ...inModel], {
      // stdin stays open: the command has answered and waits for more
      during: child => {
        child.stdin!.write('a cat\n')
        child.stdout!.once('data', () => child.kill('SIGINT'))
      },
    })
    expect({ status, stderr }).toEqual({ status: 130, stderr: 'ggclip: interrupted\n' })
    expect(stdout).toMatch(/^a cat\t.*\n$/)
  })

  it('ends quietly when the reader leaves', async () => {
    const texts = Array.from({ length: 3000 }, (_, i) => `text ${i}`).join('\n')
    const { status, stderr } = await ggclip(['embed', '--text', '-', ...inModel], {
      during: child => {
        child.stdin!.end(texts)
        child.stdout!.once('data', () => child.stdout!.destroy())
      },
    })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  })
})
