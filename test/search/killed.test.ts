/** Killed at random, an index loses nothing and does nothing twice. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { Clip, SearchIndex } from '../../lib/index.js'

const program = path.join(__dirname, '..', 'fixtures', 'search', 'update.cjs')

test('five times killed, the index is that of an undisturbed run', async () => {
  const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-killed-'))
  const folder = path.join(scratch, 'pictures')
  mkdirSync(folder)
  for (let i = 0; i < 600; i++) {
    const pixels = Uint8Array.from({ length: 192 }, (_, at) => (i * 37 + at * (1 + i % 11) + (at % 3) * i) % 256)
    writeFileSync(
      path.join(folder, `${String(i).padStart(4, '0')}.ppm`),
      Buffer.concat([Buffer.from(`P6 # ${i}\n8 8 255\n`), pixels]),
    )
  }
  const [killed, whole] = [path.join(scratch, 'killed'), path.join(scratch, 'whole')]
  for (const ms of [0, 150, 400, 90, 700]) {
    const child = spawn(process.execPath, [program, killed, folder], { stdio: ['ignore', 'pipe', 'inherit'] })
    await Promise.race([once(child.stdout, 'data'), once(child, 'close')])
    await new Promise(resolve => setTimeout(resolve, ms))
    if (child.exitCode === null) {
      child.kill('SIGKILL')
      await once(child, 'close')
    }
  }
  const clip = await Clip.load(undefined, { threads: 1 })
  const finished = await SearchIndex.open(killed, { clip })
  const result = await finished.update([folder])
  expect([result.unchanged + result.embedded, result.known, result.failed, result.removed]).toEqual([600, 0, 0, 0])
  const undisturbed = await SearchIndex.open(whole, { clip })
  await undisturbed.update([folder])
  expect(await finished.check()).toBe(0)
  expect(await finished.search('a rocket', { k: 600 })).toEqual(await undisturbed.search('a rocket', { k: 600 }))
  expect(finished.info()).toEqual({ ...undisturbed.info(), folder: killed })
  await Promise.all([finished.close(), undisturbed.close()])
  expect(readFileSync(path.join(killed, 'vectors-0.f16')).equals(readFileSync(path.join(whole, 'vectors-0.f16')))).toBe(
    true,
  )
  await clip.dispose()
  rmSync(scratch, { recursive: true })
}, 180_000)
