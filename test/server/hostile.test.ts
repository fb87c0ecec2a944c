/** `npm run test:hostile` for some seconds: docs/server.md says what it is. */
import { execFile } from 'node:child_process'
import path from 'node:path'

import { checkJsonShape } from '../../lib/server/json-body'
import { root } from './support'

test('a server survives strangers', async () => {
  // other suites run beside it: how fast it answers is for the script by itself
  const args = [path.join(root, 'scripts', 'hostile.cjs'), '--seconds', '5', '--lanes', '4', '--latency-ms', '10000']
  const [code, out] = await new Promise<[unknown, string]>(resolve => {
    execFile(process.execPath, args, { timeout: 150_000 }, (error, stdout, stderr) => resolve([error?.code ?? 0, stdout + stderr]))
  })
  expect([code, code === 0 ? '' : out]).toEqual([0, ''])
}, 160_000)

describe('the shape of JSON', () => {
  test.each([
    '{"input":["a","b"]}', '"a \\" [[[[ \\\\"', `${'['.repeat(64)}${']'.repeat(64)}`, `[${'[[]],'.repeat(50_000)}0]`, `"${'['.repeat(1e6)}"`, '', '"open', '}{]', `"${'\\\\'.repeat(1e6)}"`,
  ])('%.40s is left to the parser', text => expect(() => checkJsonShape(text)).not.toThrow())
  test.each([
    ['['.repeat(65), 'ERR_CLIP_REQUEST_INVALID'], ['{"a":'.repeat(65), 'ERR_CLIP_REQUEST_INVALID'], [`"\\\\"${'['.repeat(65)}`, 'ERR_CLIP_REQUEST_INVALID'],
    [`[${'1,'.repeat(3e5)}1]`, 'ERR_CLIP_REQUEST_TOO_LARGE'], [`[${'{},'.repeat(2e5)}1]`, 'ERR_CLIP_REQUEST_TOO_LARGE'], [`"${'\\"'.repeat(3e5)}"`, 'ERR_CLIP_REQUEST_TOO_LARGE'],
  ])('%.40s is refused', (text, code) => expect(() => checkJsonShape(text)).toThrow(expect.objectContaining({ code })))
})
