/** Every family through inspect, importance, quantize and reload: the tools know no family by name. */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { Clip, inspect, quantize, report } from '../../lib/index.js'
import { fixtures } from '../helpers/oracle'

jest.setTimeout(60_000)

const families = path.join(fixtures, 'families')
const names = readdirSync(families, { withFileTypes: true }).filter(entry => entry.isDirectory()).map(entry =>
  entry.name
)
const folder = mkdtempSync(path.join(tmpdir(), 'ggclip-families-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const own = path.join(folder, 'own')
beforeAll(() => {
  mkdirSync(own)
  const picture = path.join(__dirname, '..', '..', 'models', 'samples', 'pizza.webp')
  copyFileSync(picture, path.join(own, 'pizza.webp'))
  writeFileSync(path.join(own, 'texts.txt'), 'a pizza\na photo of a cat\n')
})

it('there are the families', () => {
  expect(names.length).toBeGreaterThanOrEqual(12)
})

/** Least cosine of tiny random networks, which quantise worse than trained ones; only ever to be tightened. */
const least = { q8_0: 0.999, q5_1: 0.98 } as const

describe.each(names)('%s', name => {
  const directory = path.join(families, name)

  it('is inspected without a problem', async () => {
    const found = await inspect(directory)
    expect(found).toMatchObject({ loadable: true, problems: [], missing: [] })
    expect(found.family).not.toBe('unknown')
  })

  it.each(['q8_0', 'q5_1'] as const)('is quantised to %s, weighed by importance, and measured', async dtype => {
    const file = path.join(folder, `${name}-${dtype}.gguf`)
    await quantize(directory, file, { dtype, importance: own })
    expect(await inspect(file)).toMatchObject({ loadable: true, problems: [], format: 'gguf' })
    const { models: [before, after] } = await report(directory, [file], { samples: own })
    await using clip = await Clip.load(directory)
    expect([after!.image !== null, after!.text !== null]).toEqual([clip.info.vision !== null, clip.info.text !== null])
    for (const tower of [after!.image, after!.text]) if (tower) expect(tower.minCosine).toBeGreaterThan(least[dtype])
    for (const tower of [before!.image, before!.text]) if (tower) expect(tower.minCosine).toBeGreaterThan(0.999)
    expect(existsSync(file)).toBe(true)
  })
})
