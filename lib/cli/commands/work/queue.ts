/** `ggclip queue`: how far the workers are, and what they gave up. */
import type { DeadLetter, QueueStatus } from '../../../library.js'
import { UsageError } from '../../failure.js'
import { addExamples, addJsonOption } from '../../options.js'
import type { Verb } from '../../run.js'
import type { Shell } from '../../shell.js'
import { tabbed } from '../../stdout.js'
import { printable, table } from '../../table.js'
import { addQueueOptions, type QueueFlags, withQueue } from '../../work-queue.js'

interface Flags extends QueueFlags {
  dead?: boolean
  requeue?: boolean
  json?: boolean
}

export const queue: Verb = (program, shell) => {
  const command = program.command('queue')
    .summary('look at a queue and its workers')
    .description(`Prints what is waiting, running and done in a queue, over all workers.

Pictures that were given up are listed with the reason; --requeue tries all of them again.`)
    .option('--dead', 'list the pictures that were given up')
    .option('--requeue', 'put those into the queue again; they stay listed until they succeed')
    .action((flags: Flags) => run(shell, flags))
  addQueueOptions(addJsonOption(command))
  addExamples(command, [['every two seconds', 'watch -n 2 ggclip queue'], ['what was given up', 'ggclip queue --dead']])
}

async function run(shell: Shell, flags: Flags): Promise<void> {
  if (flags.dead && flags.requeue) throw new UsageError('give --dead or --requeue, not both')
  await withQueue(flags, async opened => {
    if (flags.requeue) {
      const requeued = await opened.requeue()
      if (flags.json) await shell.write(`${JSON.stringify({ requeued })}\n`)
      else shell.note(requeued === 1 ? '1 picture is tried again' : `${requeued} pictures are tried again`)
    } else if (flags.dead) {
      for await (const letter of opened.dead()) await shell.write(flags.json ? jsonLine(letter) : textLine(letter))
    } else {
      const status = await opened.status()
      await shell.write(flags.json ? `${JSON.stringify(status)}\n` : statusText(shell, status))
    }
  })
}

function jsonLine(letter: DeadLetter): string {
  return `${JSON.stringify(letter)}\n`
}

function textLine({ source, code, message }: DeadLetter): string {
  return tabbed([typeof source === 'string' ? source : source.key, code, message])
}

function statusText(shell: Shell, status: QueueStatus): string {
  const rows = Object.entries(status).map(([key, value]: [string, number]) => [
    key,
    printable(key === 'perSecond' ? value.toFixed(1) : String(value)),
  ])
  return shell.isTerminal ? `${table(rows, 'lr').join('\n')}\n` : rows.map(tabbed).join('')
}
