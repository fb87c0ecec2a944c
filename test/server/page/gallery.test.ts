/** The folder of pictures behind the gallery: what is found, what never is, and that only changes are read. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { ClipError } from '../../../lib/errors'
import { Folder } from '../../../lib/server/page/gallery/folder'
import { Gallery } from '../../../lib/server/page/gallery/gallery'
import type { GalleryEncoder, GalleryModel } from '../../../lib/server/page/gallery/types'
import { Timing } from '../../../lib/server/observe/timing'
import type { Call } from '../../../lib/server/calls/work'
import { until } from '../../lifecycle/support'
import { sample } from './support'

const scratch = mkdtempSync(join(tmpdir(), 'ggclip-gallery-'))
const root = join(scratch, 'pictures')
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

beforeEach(() => {
  rmSync(root, { recursive: true, force: true })
  mkdirSync(join(root, 'below', '.hidden'), { recursive: true })
  cpSync(sample('rocket.png'), join(root, 'rocket.png'))
  cpSync(sample('pizza.webp'), join(root, 'below', 'pizza.webp'))
  cpSync(sample('guitar.jpg'), join(root, 'below', '.hidden', 'guitar.jpg'))
  cpSync(sample('sunflower.png'), join(scratch, 'outside.png'))
  symlinkSync(join(scratch, 'outside.png'), join(root, 'link.png'))
  symlinkSync(scratch, join(root, 'up'))
  writeFileSync(join(root, 'broken.jpg'), 'no picture')
  writeFileSync(join(root, 'notes.txt'), 'no picture either')
})

/** Vectors along one axis per picture, in the order of encoding. */
function fakeModel(): GalleryModel & { encoded: number } {
  const axis = (i: number) => Float32Array.from({ length: 8 }, (_, k) => (k === i % 8 ? 1 : 0))
  // refuses what is no picture, as the real one does: nothing looks at a file before it
  const encode: GalleryEncoder['encodeImage'] = image => ((image as Buffer).toString() === 'no picture'
    ? Promise.reject(new ClipError('ERR_CLIP_IMAGE_DECODE', 'it is a text'))
    : Promise.resolve(axis(model.encoded++)))
  const model = {
    encoded: 0,
    use<T>(_: AbortSignal, work: (clip: GalleryEncoder) => Promise<T>): Promise<T> {
      return work({ info: { dim: 8 }, encodeImage: encode, encodeText: () => Promise.resolve(axis(0)) })
    },
    serve<T>({ signal }: Call, work: (clip: GalleryEncoder) => Promise<T>): Promise<T> {
      return model.use(signal, work)
    },
  }
  return model
}

const settled = (gallery: Gallery): Promise<void> => until(() => ['ready', 'failed'].includes(gallery.progress.state))

describe('the folder', () => {
  it('lists pictures and nothing through links or in hidden folders', async () => {
    const folder = await Folder.open(root)
    const names: string[] = []
    for await (const { path } of folder.files(new AbortController().signal)) names.push(path)
    expect(names.sort()).toEqual(['below/pizza.webp', 'broken.jpg', 'rocket.png'])
  })

  it.each(['../outside.png', 'link.png', 'up/outside.png', 'below/../../outside.png', 'absent.png', 'below'])(
    'does not read %s',
    async path => {
      const folder = await Folder.open(root)
      await expect(folder.read(path, 1e9)).rejects.toMatchObject({ code: 'ERR_CLIP_FILE_NOT_FOUND' })
    },
  )

  it('reads up to the limit only, and refuses a file for a folder', async () => {
    const folder = await Folder.open(root)
    expect((await folder.read('rocket.png', 1e9)).subarray(1, 4).toString()).toBe('PNG')
    await expect(folder.read('rocket.png', 10)).rejects.toMatchObject({ code: 'ERR_CLIP_IMAGE_TOO_LARGE' })
    await expect(Folder.open(join(root, 'rocket.png'))).rejects.toMatchObject({ code: 'ERR_CLIP_FILE_NOT_FOUND' })
  })
})

describe('the gallery', () => {
  it('indexes what can be read and reads only what changed afterwards', async () => {
    const model = fakeModel()
    const gallery = await Gallery.open(root, model, { rescanMs: 0 })
    gallery.start()
    await settled(gallery)
    expect(gallery.progress).toMatchObject({ pictures: 3, indexed: 2, failed: 1 })
    const { results } = gallery.list(0, 10)
    expect(results.map(({ entry }) => entry.path)).toEqual(['below/pizza.webp', 'rocket.png'])

    const before = model.encoded
    cpSync(sample('cat-face.png'), join(root, 'cat.png'))
    utimesSync(join(root, 'rocket.png'), new Date(), new Date(Date.now() + 5000))
    rmSync(join(root, 'below', 'pizza.webp'))
    gallery.refresh()
    expect(gallery.progress.state).toBe('scanning') // whoever asked sees when it is done
    await until(() =>
      gallery.list(0, 10).results.length === 2 && gallery.list(0, 10).results[0]!.entry.path === 'cat.png' &&
      model.encoded - before === 2
    )
    await settled(gallery)
    expect(model.encoded - before).toBe(2)
    expect(gallery.list(0, 10).results.map(({ entry }) => entry.path)).toEqual(['cat.png', 'rocket.png'])
    await gallery.close()
  })

  it('finds the nearest and shows pictures by id only', async () => {
    const gallery = await Gallery.open(root, fakeModel(), { rescanMs: 0 })
    gallery.start()
    await settled(gallery)
    const call: Call = {
      signal: new AbortController().signal,
      client: 'somebody',
      uploads: new Map(),
      pictures: [],
      timing: new Timing(),
    }
    const { results, total } = await gallery.search({ text: 'anything' }, 1, call)
    expect([results.length, total, results[0]!.score]).toEqual([1, 2, 1])
    expect((await gallery.search({ like: results[0]!.entry.id }, 5, call)).results[0]!.entry).toEqual(results[0]!.entry)
    expect((await gallery.rendition(results[0]!.entry.id, 'thumbnail')).subarray(8, 12).toString()).toBe('WEBP')
    expect(() => gallery.rendition('../../outside', 'preview')).toThrow(
      expect.objectContaining({ code: 'ERR_CLIP_FILE_NOT_FOUND' }),
    )
    await gallery.close()
  })

  it('takes no more pictures than it may, and says so', async () => {
    const gallery = await Gallery.open(root, fakeModel(), { rescanMs: 0, maxPictures: 1 })
    gallery.start()
    await settled(gallery)
    expect(gallery.progress).toMatchObject({ leftOut: 2 })
    await gallery.close()
  })
})
