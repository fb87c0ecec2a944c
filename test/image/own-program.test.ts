/** Programs whose executable is not Node but they themselves: what starts a decoder starts them again. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { where } from '../helpers/skips'
import { report, root, runCommand } from '../lifecycle/support'

const folder = mkdtempSync(join(tmpdir(), 'ggclip-own-program-'))
const program = join(folder, 'program')
const starts = join(folder, 'starts')

beforeAll(() => {
  writeFileSync(
    program,
    `#!${process.execPath}
const fs = require('node:fs')
fs.appendFileSync(${
      JSON.stringify(starts)
    }, process.argv.slice(2).map(each => require('node:path').basename(each)) + '\\n')
if (fs.readFileSync(${JSON.stringify(starts)}, 'utf8').split('\\n').length > 10) process.exit(9)
process.execPath = __filename
const { Clip } = require(${JSON.stringify(root)})
const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9" fill="red"/></svg>'
void (async () => {
  const clip = await Clip.load(undefined, { threads: 1 })
  const { code, message } = await clip.encodeImage(Buffer.from(svg)).catch(error => error)
  await clip.dispose()
  console.log(JSON.stringify({ code, message }))
})()
`,
  )
  chmodSync(program, 0o755)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

// Windows runs no scripts by their first line
where('posix', test)('they are started once more, and not again and again by themselves', async () => {
  expect(report(await runCommand(program, []))).toEqual({
    code: 'ERR_CLIP_IMAGE_DECODE',
    message: expect.stringContaining('is an SVG, which needs a process of its own, and none can be started') as string,
  })
  expect(readFileSync(starts, 'utf8')).toBe('\ndecoder-process.js\n')
})
