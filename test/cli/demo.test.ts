/** The embedded model: `ggclip demo`, and every example of docs/cli.md. */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, symlinkSync } from 'node:fs'
import path from 'node:path'

import { ggclip, json, main, root, scratch } from './support'

describe('the embedded model', () => {
  interface Demo {
    pictures: { image: string; kind: string; expected: string; correct: boolean; results: object[] }[]
    correct: Record<'emoji' | 'photo', { right: number; of: number }>
  }

  it('classifies its samples', async () => {
    const demo = await json<Demo>(['demo'])
    expect(demo.correct.emoji).toEqual({ right: 12, of: 12 })
    expect(demo.pictures).toHaveLength(18)
    for (const name of ['dress', 'pants', 'shoes']) {
      const photo = demo.pictures.find(picture => picture.image.endsWith(`photo-${name}.jpg`))
      expect(photo).toMatchObject({ expected: name, correct: true })
    }
    const { status, stdout } = await ggclip(['demo'])
    expect(status).toBe(0)
    expect(stdout).toMatch(/^Right: 12 of 12 emoji, \d of 6 photographs$/m)
  })

  const manual = readFileSync(path.join(root, 'docs', 'cli.md'), 'utf8')
  const examples = [...manual.matchAll(/```sh\n([^]*?)```/g)]
    .flatMap(match => match[1]!.trim().split('\n'))
    .filter(line => !/^(npm|cp) /.test(line)) // the two lines that install: npm run test:newcomer

  it.each(examples)('runs the example of docs/cli.md: %s', async line => {
    if (!existsSync(path.join(scratch, 'models'))) symlinkSync(path.join(root, 'models'), path.join(scratch, 'models'))
    const script = `set -e -o pipefail; ggclip() { "${process.execPath}" "${main}" "$@"; }; ${line}`
    const child = spawn('bash', ['-c', script], { cwd: scratch, stdio: ['ignore', 'ignore', 'pipe'] })
    let stderr = ''
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
    const status = await new Promise(resolve => child.on('close', resolve))
    expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' })
  }, 300_000)
})
