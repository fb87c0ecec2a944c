/** From tar files as webdataset has them to clip-retrieval's layout, by the commands of docs/scale-out.md and real engines. */
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { Clip, cosineSimilarity, readEmbeddings } from '../../lib/index.js'
import { where } from '../helpers/skips'
import { samples } from './support'

const { startRedis } = require('../helpers/engines.cjs')

const root = path.join(__dirname, '..', '..')
const main = path.join(root, 'dist', 'cli', 'main.js')

where('engines', test)('shards with captions become img_emb, text_emb and metadata', async () => {
  const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-webdataset-'))
  const redis = await startRedis()
  const clip = await Clip.load(undefined, { threads: 1 })
  try {
    const names = ['guitar.jpg', 'pizza.webp', 'rocket.png']
    for (const [i, name] of names.entries()) {
      const folder = path.join(scratch, `shard ${i % 2}`)
      mkdirSync(folder, { recursive: true })
      const stem = path.join(folder, `00000000${i}`)
      copyFileSync(path.join(samples, name), `${stem}${path.extname(name)}`)
      writeFileSync(`${stem}.txt`, `a ${path.parse(name).name}`)
      writeFileSync(`${stem}.json`, JSON.stringify({ key: `00000000${i}`, caption: 'not this one' }))
      execFileSync('tar', ['-cf', path.join(scratch, `0000${i % 2}.tar`), '-C', folder, ...readdirSync(folder).sort()])
    }
    const commands = /```sh\n(ggclip enqueue shards\/[^]*?)```/.exec(
      readFileSync(path.join(root, 'docs', 'scale-out.md'), 'utf8'),
    )![1]!.replaceAll('shards/{0000..0099}.tar', '0000?.tar').replaceAll('ggclip', '"$NODE" "$MAIN"').replace(
      / --model [\w-]+/g,
      ' --threads 1',
    )
    execFileSync('sh', ['-ec', commands], {
      cwd: scratch,
      stdio: 'pipe',
      env: { ...process.env, NODE: process.execPath, MAIN: main, GGCLIP_REDIS: redis.url },
    })
    const found: [key: string, caption: unknown, similarity: number][] = []
    for await (const { columns, vectors, dim } of readEmbeddings(path.join(scratch, 'embeddings'), { tower: 'text' })) {
      for (const [i, caption] of columns.caption!.entries()) {
        const vector = await clip.encodeText(caption as string)
        const key = path.relative(scratch, columns.image_path![i] as string)
        found.push([key, caption, cosineSimilarity(vector, vectors.subarray(i * dim, (i + 1) * dim))])
      }
    }
    expect(found).toEqual([
      ['00000.tar#000000000.jpg', 'a guitar', expect.closeTo(1, 4)],
      ['00000.tar#000000002.png', 'a rocket', expect.closeTo(1, 4)],
      ['00001.tar#000000001.webp', 'a pizza', expect.closeTo(1, 4)],
    ])
    expect(readdirSync(path.join(scratch, 'embeddings')).sort()).toEqual(['img_emb', 'metadata', 'text_emb'])
  } finally {
    await clip.dispose()
    await redis.stop()
    rmSync(scratch, { recursive: true, force: true })
  }
}, 120_000)
