/** The registry as data, its names, and what a wrong one is answered. */
import { parseHubId } from '../../lib/models/hub-id'
import { models } from '../../lib/models/registry-data'
import { findModel, hubIdOf, suggestModels } from '../../lib/models/registry'
import { weightTypes } from '../../lib/types'

test('entries are sound', () => {
  expect(models.length).toBeGreaterThan(30)
  expect(new Set(models.map(model => model.name)).size).toBe(models.length)
  const ids = models.flatMap(({ id, copies = [] }) => [id, ...copies])
  expect(new Set(ids.map(id => id.toLowerCase())).size).toBe(ids.length)
  for (const model of models) {
    expect(model.name).toMatch(/^[a-z0-9]+(?:-[a-z0-9]+)+$|^streetclip$/)
    for (const id of model.copies ?? []) expect(parseHubId('id', id).repo).toBe(id)
    expect(parseHubId('id', model.id)).toEqual({ repo: model.id, revision: 'main', wanted: undefined })
    expect(model.parameters).toBeGreaterThan(1e7)
    expect(model.bytes).toBe(4 * model.parameters)
    expect([224, 256, 288, 320, 336, 378, 384, 448, 512, undefined]).toContain(model.imageSize)
    expect(['MIT', 'Apache-2.0', 'CC-BY-NC-4.0', 'other', undefined]).toContain(model.license)
    expect([384, 512, 640, 768, 1024, 1152, 1280, 1536]).toContain(model.dim)
    expect(weightTypes).toContain(model.dtype)
    expect(model.goodFor).toMatch(/^\S.{10,90}$/)
    expect(model.contextLength > 0).toBe(model.towers !== 'image')
    expect(Object.isFrozen(model)).toBe(true)
  }
})

/** Parameters of an encoder's blocks: four square projections, the MLP, two norms. */
function blocks(width: number, layers: number, mlp = 4 * width): number {
  return layers * (4 * width * width + 4 * width + 2 * width * mlp + width + mlp + 4 * width)
}

// shapes from the published configurations: vision width, layers, patch; text width, layers
const clipShapes: Record<string, [number, number, number, number, number]> = {
  'clip-vit-b-32': [768, 12, 32, 512, 12],
  'clip-vit-l-14-336': [1024, 24, 14, 768, 12],
  'laion-vit-h-14': [1280, 32, 14, 1024, 24],
  'datacomp-vit-b-32-256': [768, 12, 32, 512, 12],
  'tinyclip-8m': [256, 10, 16, 256, 3],
  'tinyclip-61m': [640, 12, 32, 512, 9],
}

test.each(Object.entries(clipShapes))(
  '%s has the parameters that its shape gives',
  (name, [width, layers, patch, textWidth, textLayers]) => {
    const { parameters, dim, imageSize, contextLength } = findModel(name)!
    const tokens = Math.floor(imageSize! / patch) ** 2 + 1
    const vision = 3 * patch * patch * width + width + tokens * width + 4 * width + blocks(width, layers) + width * dim
    const text = 49408 * textWidth + contextLength * textWidth + blocks(textWidth, textLayers) + 2 * textWidth +
      textWidth * dim
    expect(parameters).toBe(vision + text + 1)
  },
)

// a BERT of 21,128 words and 512 positions, first token's state projected
test.each([['chinese-clip-b-16', 768, 12, 16, 768, 12], ['chinese-clip-h-14', 1280, 32, 14, 1024, 24]] as const)(
  '%s has the parameters that its shape gives',
  (name, width, layers, patch, textWidth, textLayers) => {
    const { parameters, dim, imageSize } = findModel(name)!
    const tokens = Math.floor(imageSize! / patch) ** 2 + 1
    const vision = 3 * patch * patch * width + width + tokens * width + 4 * width + blocks(width, layers) + width * dim
    const text = (21128 + 512 + 2) * textWidth + 2 * textWidth + blocks(textWidth, textLayers) + textWidth * dim
    expect(parameters).toBe(vision + text + 1)
  },
)

test.each(['best', 'small', 'multilingual', 'dedupe'] as const)('there is a first choice for %s', task => {
  const found = models.filter(({ tasks = [] }) => tasks.includes(task))
  expect(found.length).toBeGreaterThan(1)
  expect(found.length).toBeLessThan(8)
})

test('siglip2-base-224 has the parameters that its makers state', () => {
  expect(findModel('siglip2-base-224')!.parameters).toBe(375_187_970)
})

test('names are found in any letter case, and by hub id', () => {
  expect(findModel('CLIP-ViT-B-32')!.id).toBe('openai/clip-vit-base-patch32')
  expect(findModel('google/siglip2-base-patch16-224')!.name).toBe('siglip2-base-224')
  expect(findModel('clip')).toBeUndefined()
})

test("a copy's hub id finds the model, and means the copy", () => {
  const model = findModel('apple/mobileclip2-s0')!
  expect(model).toBe(findModel('MobileCLIP2-S0'))
  expect(hubIdOf(model, 'Apple/MobileCLIP2-S0')).toEqual({ repo: 'apple/MobileCLIP2-S0', revision: 'main' })
  expect(hubIdOf(model, 'mobileclip2-s0').repo).toBe('timm/MobileCLIP2-S0-OpenCLIP')
})

test.each([
  ['vit-b32', 'clip-vit-b-32'],
  ['ViT-B/32', 'clip-vit-b-32'],
  ['clip-vit-b-23', 'clip-vit-b-32'],
  ['clip-vit-base-patch32', 'clip-vit-b-32'],
  ['openai/clip-vit-large-patch14-336px', 'clip-vit-l-14-336'],
  ['siglip2-bas-224', 'siglip2-base-224'],
  ['siglip-2-base-224', 'siglip2-base-224'],
  ['ViT-H-14', 'laion-vit-h-14'],
  ['siglip2', 'siglip2-base-224'],
  ['bigG', 'laion-vit-bigg-14'],
])('%s suggests %s', (word, expected) => {
  const near = suggestModels(word)
  expect(near.length).toBeLessThanOrEqual(3)
  expect(near).toContain(expected)
})

test.each([['nowhere'], ['x'], [''], ['🙂'], ['a'.repeat(5000)]])('%j suggests nothing', word => {
  expect(suggestModels(word)).toEqual([])
})
