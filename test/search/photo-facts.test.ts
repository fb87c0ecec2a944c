/** What cameras write into pictures: read, searched by, and harmless where it is hostile. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import sharp, { type Exif } from 'sharp'

import { Clip, type SearchFilter, SearchIndex } from '../../lib/index.js'
import { readPhotoFacts } from '../../lib/image/photo-facts.js'
import { Database } from '../../lib/search/storage/database.js'
import { failureOf } from '../lifecycle/support'

const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-facts-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

const paris: Exif = {
  IFD0: { Make: 'Canon', Model: 'Canon EOS 80D' },
  IFD2: { DateTimeOriginal: '2024:05:31 23:30:00' },
  IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '48/1 51/1 2952/100', GPSLongitudeRef: 'E', GPSLongitude: '2/1 21/1 0/1' },
}
const rio: Exif = {
  IFD0: { Make: 'NIKON', Model: 'D90' },
  IFD2: { DateTimeOriginal: '2019:01:02 03:04:05' },
  IFD3: { GPSLatitudeRef: 'S', GPSLatitude: '22/1 54/1 0/1', GPSLongitudeRef: 'W', GPSLongitude: '43/1 12/1 0/1' },
}

const picture = (background: string, exif: Exif, format: 'jpeg' | 'png' | 'webp' = 'jpeg'): Promise<Buffer> =>
  sharp({ create: { width: 32, height: 32, channels: 3, background } }).withExif(exif).toFormat(format).toBuffer()

test.each(['jpeg', 'png', 'webp'] as const)('are read from %s', async format => {
  const facts = await readPhotoFacts(await picture('red', paris, format))
  expect(facts).toEqual({
    taken: Date.UTC(2024, 4, 31, 23, 30),
    camera: 'Canon EOS 80D',
    latitude: expect.closeTo(48.8582, 4),
    longitude: expect.closeTo(2.35, 4),
  })
  expect(await readPhotoFacts(await picture('red', rio, format))).toMatchObject({
    camera: 'NIKON D90',
    latitude: expect.closeTo(-22.9, 4),
    longitude: expect.closeTo(-43.2, 4),
  })
})

test('that are none, or ask for gigabytes, are left out', async () => {
  expect(await readPhotoFacts(Buffer.from('no picture'))).toEqual({})
  expect(await readPhotoFacts(await picture('red', { IFD2: { DateTimeOriginal: '0000:00:00 00:00:00' } }))).toEqual({})
  // 5,000 entries, each of 60,000 values
  const exif = Buffer.alloc(60_010)
  exif.write('II*\0')
  exif.writeUInt32LE(8, 4)
  exif.writeUInt16LE(4999, 8)
  for (let i = 0; i < 4999; i++) {
    exif.writeUInt16LE(i, 10 + 12 * i)
    exif.writeUInt16LE(1, 12 + 12 * i)
    exif.writeUInt32LE(60_000, 14 + 12 * i)
  }
  const jpeg = await picture('red', {})
  const head = Buffer.concat([Buffer.from([0xff, 0xe1, 0, 0]), Buffer.from('Exif\0\0')])
  head.writeUInt16BE(exif.length + 8, 2)
  const hostile = Buffer.concat([jpeg.subarray(0, 2), head, exif, jpeg.subarray(2)])
  expect((await sharp(hostile).metadata()).exif).toHaveLength(exif.length + 6) // it arrives
  const before = process.memoryUsage().heapUsed
  expect(await readPhotoFacts(hostile)).toEqual({})
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(100e6)
})

test('are filters and parts of what is found, also of pictures that an older version indexed', async () => {
  const folder = path.join(scratch, 'photos')
  mkdirSync(folder)
  writeFileSync(path.join(folder, 'paris.jpg'), await picture('blue', paris))
  writeFileSync(path.join(folder, 'rio.jpg'), await picture('green', rio))
  writeFileSync(path.join(folder, 'drawing.png'), await picture('white', {}, 'png'))
  const where = path.join(folder, '.ggclip')
  const clip = await Clip.load(undefined, { threads: 2 })
  try {
    const first = await SearchIndex.open(where, { clip })
    await first.update([folder])
    await first.close()
    const old = new Database(path.join(where, 'index.db')) // as before there were facts
    old.exec('UPDATE pictures SET facts = 0, taken = NULL, camera = NULL, latitude = NULL, longitude = NULL')
    old.close()

    const index = await SearchIndex.open(where, { clip })
    const found = async (filter: SearchFilter): Promise<string[]> =>
      (await index.search('a photo', { filter })).map(hit => path.basename(hit.path)).sort()
    expect(await found({ camera: 'canon' })).toEqual([])
    expect(await index.update()).toMatchObject({ unchanged: 3, embedded: 0, known: 0 })
    expect(await found({ camera: 'canon' })).toEqual(['paris.jpg'])
    expect(await found({ takenAfter: new Date('2024-05-31'), takenBefore: new Date('2024-06-01') })).toEqual([
      'paris.jpg',
    ])
    expect(await found({ takenBefore: new Date('2024-01-01') })).toEqual(['rio.jpg'])
    expect(await found({ near: { latitude: 48.9, longitude: 2.3 } })).toEqual(['paris.jpg'])
    expect(await found({ near: { latitude: 48.9, longitude: 2.3, km: 1 } })).toEqual([])
    expect(await found({ near: { latitude: 48.9, longitude: 2.3, km: 9200 } })).toEqual(['paris.jpg', 'rio.jpg'])
    const [hit] = await index.search('a photo', { filter: { camera: 'd90' } })
    expect(hit).toMatchObject({
      taken: new Date('2019-01-02T03:04:05Z'),
      camera: 'NIKON D90',
      place: { latitude: expect.closeTo(-22.9, 3), longitude: expect.closeTo(-43.2, 3) },
    })
    const plain = await index.search('a photo', { filter: { path: '**/drawing.png' } })
    expect(Object.keys(plain[0]!)).toEqual(['path', 'hash', 'size', 'modified', 'similarity', 'copies'])
    expect(
      await failureOf(() => index.search('a', { filter: { near: { latitude: 91, longitude: 0 } } })),
    ).toMatchObject({ code: 'ERR_CLIP_OUT_OF_RANGE' })
    expect(await failureOf(() => index.search('a', { filter: { camera: 1 as never } }))).toMatchObject({
      code: 'ERR_CLIP_INVALID_ARGUMENT',
    })
    await index.close()
  } finally {
    await clip.dispose()
  }
})
