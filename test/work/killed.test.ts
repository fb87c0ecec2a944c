/** Workers and Redis killed at random: nothing is lost, nothing is there twice, bad pictures end as dead letters. */
import { readdirSync } from 'node:fs'
import path from 'node:path'

import { Clip, openPictureQueue, openVectorStore, pictureSources } from '../../lib/index.js'
import { where } from '../helpers/skips'

const { startPostgres } = require('../helpers/engines.cjs')
const { chaos } = require('../helpers/chaos.cjs')

where('engines', test)('six kills of workers and one of Redis', async () => {
  const server = await startPostgres()
  const clip = await Clip.load(undefined, { threads: 1 })
  const run = await chaos({
    openVectorStore,
    openPictureQueue,
    pictureSources,
    location: server.url,
    dim: clip.info.dim,
    count: 1500,
    batch: 16,
    until: (kills: number) => kills < 6,
  })
  expect({ ...run, failures: run.failures.join('\n') }).toMatchObject({
    rows: 1500,
    dead: [['broken.png', 'ERR_CLIP_IMAGE_DECODE'], ['poison.ppm', 'ERR_CLIP_WORK_CRASHED']],
    restarts: 1,
    failures: '',
    exits: [0, 0],
  })
  const { embedded, known, failed } = run.state
  expect([embedded + known, failed]).toEqual([1500, 2])
  const names = readdirSync(run.folder).filter(name => /^\d/.test(name))
  const rows = await run.stored(names.map(name => path.join(run.folder, name)))
  expect(rows).toHaveLength(1500)
  for (const row of rows.slice(0, 50))
    expect(row.vector).toEqual(await clip.encodeImage(row.key))
  await run.clean()
  await clip.dispose()
  await server.stop()
}, 300_000)
