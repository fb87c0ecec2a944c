/** Lists, tables and tar files as sources of pictures. */
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import type { PictureSource } from '../../lib/index.js'
import { keyOf, pathOfKey } from '../../lib/work/address'
import { list, never, reader, rocket, samples } from './support'

const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-sources-'))
const at = (...names: string[]): string => path.join(scratch, ...names)
afterAll(() => rmSync(scratch, { recursive: true }))

test('folders, lists and tables; paths are relative to the list', async () => {
  writeFileSync(at('list.txt'), '\ufeffa.png\r\n\n  https://h.example/b c.png  \n/abs/c.png')
  expect(await list([at('list.txt'), 'https://x.example/'])).toEqual([at('a.png'), 'https://h.example/b c.png',
    '/abs/c.png', 'https://x.example/'])
  writeFileSync(at('t.csv'), 'id,"Image","the ""url"""\n1,"a, ""b"".png",u\n\n2,"two\nlines.png",\n3,,\n')
  expect(await list([at('t.csv')])).toEqual([at('a, "b".png'), at('two\nlines.png')])
  expect(await list([at('t.csv')], { column: 'the "URL"' })).toEqual([at('u')])
  writeFileSync(at('t.tsv'), 'path\tx\nb.png\t1')
  expect(await list([at('t.tsv')])).toEqual([at('b.png')])
  await expect(list([at('t.tsv')], { column: 'url' })).rejects.toThrow(
    'expected a column url, found path, x',
  )
  // a value of many lines, and one that is never closed
  writeFileSync(at('long.csv'), `url\n"a ""b""\n${'c'.repeat(1e7)}",x\n"d""\ne`)
  expect(await list([at('long.csv')])).toEqual([at(`a "b"\n${'c'.repeat(1e7)}`), at('d"\ne')])
  await expect(list([at('absent')])).rejects.toMatchObject({ code: 'ERR_CLIP_FILE_NOT_FOUND' })
  await expect(list([at('list.txt'), 'ftp://x/a.png'])).rejects.toMatchObject({
    code: 'ERR_CLIP_OUT_OF_RANGE',
    message: expect.stringContaining("http://, https:// or s3://, for sources but received 'ftp://x/a.png'"),
  })
  for (
    const [name, text] of [['other.txt', 'a.png\nftp://me:secret@x/a.png\n'], ['other.csv',
      'url\nGS://x/a.png\n']] as const
  ) {
    writeFileSync(at(name), text)
    const known = 'expected paths, and addresses with http://, https://, s3:// or file://'
    const found = name === 'other.txt' ? 'ftp://' : 'GS://'
    await expect(list([at(name)])).rejects.toMatchObject({
      code: 'ERR_CLIP_FILE_FORMAT',
      message: `'${at(name)}': ${known}, found one with ${found}`,
    })
  }
  writeFileSync(at('bytes.txt'), Buffer.of(0xff, 0xfe, 0x00, 0xd8, 0x41))
  await expect(list([at('bytes.txt')])).rejects.toMatchObject({ code: 'ERR_CLIP_FILE_FORMAT' })
  expect(await list([samples], { exclude: ['photo-*', '[a-q]*'] })).toContain(path.join(samples, 'rocket.png'))
})

test('parquet tables, as img2dataset takes them', async () => {
  const tables = path.join(__dirname, '..', 'fixtures', 'embeddings', 'metadata')
  const several = path.join(tables, 'metadata_00.parquet')
  expect(await list([several])).toEqual(['https://example.com/a.jpg', 'https://example.com/b.jpg'])
  expect(await list([several], { column: 'Image_Path' })).toEqual(
    ['a.jpg', 'sub/ä.jpg', 'c.jpg'].map(name => path.join(tables, name)),
  )
  expect(await list([path.join(tables, 'metadata_01.parquet')], { column: 'image_path' })).toHaveLength(10)
  await expect(list([several], { column: 'link' })).rejects.toMatchObject({
    code: 'ERR_CLIP_FILE_FORMAT',
    message: expect.stringContaining('expected a column link, found image_path, caption, url, width'),
  })
  writeFileSync(at('no.parquet'), 'url\na.png\n')
  await expect(list([at('no.parquet')])).rejects.toMatchObject({ code: 'ERR_CLIP_FILE_FORMAT' })
})

test('entries of tar files: their bytes are at the places that are given, whatever wrote them', async () => {
  const long = `${'deep/'.repeat(30)}${'n'.repeat(60)}.png`
  mkdirSync(path.dirname(at('in', long)), { recursive: true })
  copyFileSync(path.join(samples, 'rocket.png'), at('in', long))
  copyFileSync(path.join(samples, 'pizza.webp'), at('in', 'é.png'))
  writeFileSync(at('in', '._cat.png'), 'of macOS')
  writeFileSync(at('in', 'cat.txt'), 'a caption')
  for (const format of ['gnu', 'ustar', 'pax']) {
    const file = at(`${format}.tar`)
    execFileSync('tar', ['--format', format, '-cf', file, '-C', at('in'), '.'])
    const found = (await list([file])) as Extract<PictureSource, { file: string }>[]
    expect(found.map(({ key }) => key).sort()).toEqual([`${file}#./${long}`, `${file}#./é.png`].sort())
    for (const { key, offset, size } of found)
      expect(readFileSync(file).subarray(offset, offset + size)).toEqual(
        readFileSync(at('in', key.slice(file.length + 1))),
      )
    writeFileSync(at('cut.tar'), readFileSync(file).subarray(0, 2000))
    await expect(list([at('cut.tar')])).rejects.toMatchObject({ code: 'ERR_CLIP_FILE_FORMAT' })
  }
  writeFileSync(at('no.tar'), 'x'.repeat(2000))
  await expect(list([at('no.tar')])).rejects.toThrow('there is no header at byte 0')
})

test('names that are no UTF-8 survive as keys', async () => {
  mkdirSync(at('odd'))
  const name = Buffer.concat([Buffer.from(`${at('odd')}/a %41`), Buffer.of(0xff), Buffer.from('.png')])
  try {
    copyFileSync(path.join(samples, 'rocket.png'), name as unknown as string)
  } catch {
    return // a file system that has only UTF-8
  }
  const [key] = await list([at('odd')])
  const tar = `file://${at()}/%FF.tar`
  const tarName = Buffer.concat([Buffer.from(at('/')), Buffer.of(0xff), Buffer.from('.tar')])
  execFileSync('tar', ['-cf', at('plain.tar'), '-C', samples, 'rocket.png'])
  copyFileSync(at('plain.tar'), tarName as unknown as string)
  const [entry] = await list([tar])
  expect(keyOf(entry!)).toBe(`${tar}#rocket.png`)
  expect((await reader({}).read(entry!, never)).bytes).toEqual(rocket)
  // in a list, such as a table that "ggclip export" wrote, and by itself; other programs write such URLs of all names
  writeFileSync(
    at('urls.txt'),
    `${key as string}\n${(key as string).replace('%FF', '%ff')}\nfile:///ä%20b.png\nfile:///50%.png`,
  )
  expect(await list([at('urls.txt')])).toEqual([key, key, '/ä b.png', '/50%.png'])
  expect(await list([key as string, `file://${at('odd')}`])).toEqual([key, key])
  expect(key).toMatch(/^file:\/\/.*a%20%2541%FF\.png$/)
  expect(pathOfKey(key as string)).toEqual(name)
})
