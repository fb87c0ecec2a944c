/** `ggclip tokenize`: texts to token ids. */
import type { ClipInfo } from '../../../library.js'
import { eachText, textsOf } from '../../inputs.js'
import { addExamples, addJsonOption, addModelOptions, type ModelFlags, withModel } from '../../options.js'
import type { Verb } from '../../run.js'
import type { Shell } from '../../shell.js'
import { JsonList, tabbed } from '../../stdout.js'
import { printable } from '../../table.js'

interface Flags extends ModelFlags {
  pad?: boolean
  json?: boolean
}

export const tokenize: Verb = (program, shell) => {
  const command = program.command('tokenize')
    .summary('texts to token ids')
    .description(`Prints the token ids that the model sees, with start and end tokens, truncated to its context length.

A pipe gets one line per text: its ids, separated by spaces, without the padding at the end unless --pad is given.
JSON is [{ "text", "ids": [...], "length" }]: the result of the library's tokenize(), padded to the context length;
the first "length" ids are not padding.`)
    .argument('<text...>', 'texts; - reads them from stdin, one per line')
    .option('--pad', 'print the padding, too')
    .action((texts: string[], flags: Flags) => run(shell, texts, flags))
  addModelOptions(addJsonOption(command), { images: false })
  addExamples(command, [
    ['one text', "ggclip tokenize 'a photo of a cat'"],
    ['every line of a file, as JSON', 'ggclip tokenize - --json < captions.txt'],
  ])
}

async function run(shell: Shell, texts: string[], flags: Flags): Promise<void> {
  await withModel(shell, flags, 'text', async clip => {
    const list = new JsonList(shell)
    // in a promise's callback, so that an exception becomes a rejection
    const ids = (text: string) => Promise.resolve(text).then(one => clip.tokenize(one))
    await eachText(shell, textsOf(shell, texts), ids, (text, padded) => {
      const length = lengthWithoutPadding(padded, clip.info.text!)
      if (flags.json) return list.add({ text, ids: Array.from(padded), length })
      return shell.write(render(shell, text, flags.pad ? padded : padded.subarray(0, length), length))
    })
    if (flags.json) await list.end()
  })
}

/** If the end token also pads, only its first occurrence at the end is not padding. */
function lengthWithoutPadding(ids: Int32Array, { padId, eosId }: NonNullable<ClipInfo['text']>): number {
  const last = ids.findLastIndex(id => id !== padId)
  return Math.min(ids.length, last + 1 + (padId === eosId ? 1 : 0))
}

function render(shell: Shell, text: string, ids: Int32Array, length: number): string {
  if (!shell.isTerminal) return tabbed([ids.join(' ')])
  return `${shell.paint.bold(printable(text))} ${shell.paint.dim(`${length} tokens`)}\n  ${ids.join(' ')}\n`
}
