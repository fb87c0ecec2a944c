/** Groups of an index's pictures: duplicates, and clusters of what is alike. */
import { cpSync, mkdirSync } from 'node:fs'
import path from 'node:path'
import sharp from 'sharp'

import { failureOf } from '../lifecycle/support'
import { made, names, newFolder, pictures } from './support'

test('duplicates: copies, re-encoded, smaller and cropped pictures, and no others', async () => {
  const { folder, index } = await made()
  const changed = path.join(folder, 'changed')
  mkdirSync(changed)
  cpSync(path.join(folder, 'rocket.png'), path.join(changed, 'rocket-copy.png'))
  for (const name of pictures) {
    const [file, stem] = [path.join(folder, name), path.join(changed, path.parse(name).name)]
    const { width, height } = await sharp(file).metadata()
    const edge = {
      left: Math.round(width * 0.03),
      top: Math.round(height * 0.03),
      width: Math.round(width * 0.94),
      height: Math.round(height * 0.94),
    }
    await sharp(file).flatten({ background: '#fff' }).jpeg({ quality: 70 }).toFile(`${stem}-encoded.jpg`)
    await sharp(file).resize(Math.round(width * 0.6)).png().toFile(`${stem}-small.png`)
    await sharp(file).extract(edge).png().toFile(`${stem}-crop.png`)
  }
  await index.update([folder])
  const groups = await index.duplicates()
  const stems = groups.map(({ keep, others }) => {
    return new Set(
      [keep, ...others].map(file => path.parse(file.path).name.replace(/-(?:encoded|small|crop|copy)$/, '')),
    )
  })
  expect(groups).toHaveLength(pictures.length)
  expect(stems.every(group => group.size === 1)).toBe(true)
  expect(groups.reduce((sum, { others }) => sum + others.length, 0)).toBe(3 * pictures.length + 1)
  expect(groups.flatMap(({ others }) => others).filter(({ identical }) => identical)).toHaveLength(1)
  for (const { keep, others } of groups) expect(keep.size).toBe(Math.max(keep.size, ...others.map(({ size }) => size)))
  await index.close()
})

test('clusters hold every picture once, in groups that are alike, and are the same each time', async () => {
  const { index } = await made()
  expect(await index.clusters()).toEqual([])
  const folder = newFolder()
  mkdirSync(folder)
  for (let i = 0; i < 12; i++) {
    const background = { r: i % 3 === 0 ? 250 - i : 5, g: i % 3 === 1 ? 250 - i : 5, b: i % 3 === 2 ? 250 - i : 5 }
    await sharp({ create: { width: 40, height: 40, channels: 3, background } }).png().toFile(
      path.join(folder, `${i}.png`),
    )
  }
  await index.update([folder])
  const groups = await index.clusters({ count: 3 })
  const numbers = groups.map(({ pictures: files }) => names(files).map(name => parseInt(name) % 3))
  expect(numbers.map(group => group.length)).toEqual([4, 4, 4])
  expect(numbers.map(group => new Set(group).size)).toEqual([1, 1, 1])
  for (const { pictures: files } of groups)
    expect(files.map(({ similarity }) => similarity)).toEqual(
      files.map(({ similarity }) => similarity).sort((a, b) => b - a),
    )
  expect(await index.clusters({ count: 3 })).toEqual(groups)
  const [one] = await index.clusters({ count: 1, k: 2 })
  expect([one!.size, one!.pictures.length]).toEqual([12, 2])
  const many = await index.clusters({ count: 1000 })
  expect(many.reduce((sum, { size }) => sum + size, 0)).toBe(12)
  const bad = await failureOf(() => index.clusters({ count: 0 }))
  expect(bad).toMatchObject({ code: 'ERR_CLIP_OUT_OF_RANGE' })
  expect(index.lookUp(path.join(folder, '0.png'))).toMatchObject({ size: expect.any(Number) })
  expect(index.lookUp(path.join(folder, 'none.png'))).toBeUndefined()
  await index.close()
})
