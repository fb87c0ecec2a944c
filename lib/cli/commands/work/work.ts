/** `ggclip work`: embeds the pictures of a queue and writes them to a store. */
import { openVectorStore, type WorkOptions } from '../../../library.js'
import { UsageError } from '../../failure.js'
import { addExamples, addJsonOption, addModelOptions, checkLasting, type ModelFlags, sizeInBytes, storeForms,
  wholeNumber, withModel } from '../../options.js'
import type { Verb } from '../../run.js'
import type { Shell } from '../../shell.js'
import { addQueueOptions, addRemoteOptions, type QueueFlags, type RemoteFlags, remoteOptions,
  withQueue } from '../../work-queue.js'

interface Flags extends QueueFlags, RemoteFlags, ModelFlags {
  store?: string
  table?: string
  concurrency?: number
  maxPerSecond?: number
  attempts?: number
  backoffMs?: number
  lockMs?: number
  drainMs?: number
  maxImageBytes?: number
  untilEmpty?: boolean
  metrics?: string
  json?: boolean
}

export const work: Verb = (program, shell) => {
  const command = program.command('work')
    .summary('embed the pictures of a queue')
    .description(
      `Takes jobs from a queue that "ggclip enqueue" fills, embeds their pictures and writes the vectors to a store.

Any number of workers may run, on any machines, and be killed at any point: their jobs are given to others, and a picture
has one row however often it is done. SIGTERM ends a worker when its running jobs are done. Pictures that cannot be read
are listed by "ggclip queue --dead".`,
    )
    .option('--store <address>', `${storeForms} (default: GGCLIP_STORE)`)
    .option('--table <name>', 'table of the store (default: ggclip_pictures)')
    .option('--concurrency <n>', 'jobs at the same time (default: 2)', wholeNumber)
    .option('--max-per-second <n>', 'most pictures a second, of all workers together (default: no limit)', wholeNumber)
    .option('--attempts <n>', 'attempts at a picture that cannot be read just now (default: 5)', wholeNumber)
    .option(
      '--backoff-ms <n>',
      'wait before the second attempt, doubled for each later one (default: 2000)',
      wholeNumber,
    )
    .option(
      '--lock-ms <n>',
      'after this, jobs of a worker that is gone are given to others (default: 30000)',
      wholeNumber,
    )
    .option('--drain-ms <n>', 'longest wait for running jobs at the end (default: 30000)', wholeNumber)
    .option('--max-image-bytes <size>', 'refuse larger files, such as 64MiB (default: 64MiB)', sizeInBytes)
    .option('--until-empty', 'end when no job is left')
    .option('--metrics <address>', 'answer GET /metrics for Prometheus at [host:]port (default: do not)')
    .action((flags: Flags) => run(shell, flags))
  addModelOptions(addRemoteOptions(addQueueOptions(addJsonOption(command))), { images: false })
  addExamples(command, [
    ['a worker', 'ggclip work --redis redis://queue.example --store postgres://ggclip@db.example/pictures'],
    ['until all is done, into a folder', 'ggclip work --store lance:vectors --until-empty'],
  ])
}

async function run(shell: Shell, flags: Flags): Promise<void> {
  const location = flags.store ?? process.env.GGCLIP_STORE
  if (!location) throw new UsageError('name the store with --store or GGCLIP_STORE')
  checkLasting(location, 'worker')
  const metrics = flags.metrics === undefined ? undefined : addressOf(flags.metrics)
  const { concurrency, maxPerSecond, attempts, backoffMs, lockMs, drainMs = 30_000, maxImageBytes, untilEmpty } = flags
  // running jobs are finished; it has its own time limit
  shell.graceMs = drainMs + 10_000
  await withQueue(flags, queue =>
    withModel(shell, flags, 'image', async clip => {
      const store = await openVectorStore(location, { dim: clip.info.dim, table: flags.table })
      try {
        let pictures = 0
        if (!flags.json) shell.note(`ggclip works on the queue '${flags.queue ?? 'pictures'}', process ${process.pid}`)
        const result = await queue.work({
          clip,
          store,
          concurrency,
          maxPerSecond,
          attempts,
          backoffMs,
          lockMs,
          drainMs,
          maxImageBytes,
          untilEmpty,
          ...remoteOptions(flags),
          metrics,
          signal: shell.signal,
          onJob: ({ embedded, known }) => shell.progress(`${pictures += embedded + known} pictures`),
        })
        shell.clearStatus()
        const { jobs, embedded, known, failed } = result
        if (flags.json) await shell.write(`${JSON.stringify({ jobs, embedded, known, failed })}\n`)
        else shell.note(`${jobs} jobs: ${embedded} embedded, ${known} known, ${failed} failed`)
      } finally {
        await store.close()
      }
    }))
}

function addressOf(text: string): NonNullable<WorkOptions['metrics']> {
  const [, host, port] = /^(?:(.+):)?(\d{1,5})$/.exec(text) ?? []
  if (port === undefined) throw new UsageError(`expected [host:]port for --metrics, not '${text}'`)
  return { host, port: Number(port) }
}
