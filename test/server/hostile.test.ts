/** `npm run test:hostile` for some seconds: docs/server.md says what it is. */
import { execFile } from 'node:child_process'
import path from 'node:path'

import { root } from './support'

test('a server survives strangers', async () => {
  // other suites run beside it: how fast it answers is for the script by itself
  const args = [path.join(root, 'scripts', 'hostile.cjs'), '--seconds', '5', '--lanes', '4', '--latency-ms', '10000']
  const [code, out] = await new Promise<[unknown, string]>(resolve => {
    execFile(
      process.execPath,
      args,
      { timeout: 150_000 },
      (error, stdout, stderr) => resolve([error?.code ?? 0, stdout + stderr]),
    )
  })
  expect([code, code === 0 ? '' : out]).toEqual([0, ''])
}, 160_000)
