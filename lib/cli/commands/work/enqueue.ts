/** `ggclip enqueue`: pictures into a queue, for workers on any number of machines. */
import { pictureSources } from '../../../library.js'
import { addExamples, addJsonOption, collect, wholeNumber } from '../../options.js'
import type { Verb } from '../../run.js'
import type { Shell } from '../../shell.js'
import { counted } from '../../table.js'
import { addQueueOptions, addRemoteOptions, type QueueFlags, type RemoteFlags, remoteOptions,
  withQueue } from '../../work-queue.js'

interface Flags extends QueueFlags, RemoteFlags {
  exclude?: string[]
  column?: string
  batch?: number
  maxWaiting?: number
  refresh?: boolean
  json?: boolean
}

export const enqueue: Verb = (program, shell) => {
  const command = program.command('enqueue')
    .summary('put pictures into a queue for workers')
    .description(`Lists pictures and puts them into a queue in Redis, from which "ggclip work" takes them.

Sources are folders, URLs, lists (.txt: a path or URL a line; .csv and .tsv with a line of names), .tar files of pictures
such as webdataset's, also at URLs, s3://bucket/prefix, and single files. Workers must see files under the same paths and
get to S3 by options of their own. It pauses while many jobs wait, and
may be run again: what is waiting is not added twice, what is in the store and unchanged is not embedded again.`)
    .argument('<source...>', 'folders, lists, tar files, URLs, s3:// addresses or files')
    .option('--exclude <glob>', "leave out paths below a folder, such as '**/thumbnails/**' (repeatable)", collect)
    .option('--column <name>', 'column of tables with paths or URLs (default: url, path, image, image_path or file)')
    .option('--batch <n>', 'pictures of one job (default: 64)', wholeNumber)
    .option('--max-waiting <n>', 'jobs that may wait; then it pauses (default: 1000)', wholeNumber)
    .option('--refresh', 'embed again what is in the store, changed or not')
    .action((sources: string[], flags: Flags) => run(shell, sources, flags))
  addRemoteOptions(addQueueOptions(addJsonOption(command)))
  addExamples(command, [
    ['a folder', 'ggclip enqueue /photos --redis redis://queue.example'],
    ['URLs from a table', 'ggclip enqueue pictures.csv --column image_url'],
    ['a bucket of a public data set', 'ggclip enqueue s3://bucket/photos/ --s3-anonymous'],
    ['shards of a web dataset', 'ggclip enqueue https://data.example/{0000..0099}.tar'],
  ])
}

async function run(shell: Shell, sources: string[], flags: Flags): Promise<void> {
  const { exclude, column, batch, maxWaiting, refresh, json } = flags
  await withQueue(flags, async queue => {
    const listed = pictureSources(sources, { exclude, column, ...remoteOptions(flags), signal: shell.signal })
    const { pictures, jobs } = await queue.add(listed, {
      batch,
      maxWaiting,
      refresh,
      signal: shell.signal,
      onProgress: ({ pictures: done, waiting }) => shell.progress(`${done} pictures queued, ${waiting} jobs waiting`),
    })
    shell.clearStatus()
    if (json) await shell.write(`${JSON.stringify({ pictures, jobs })}\n`)
    else shell.note(`${counted(pictures, 'picture')} in ${counted(jobs, 'job')}`)
  })
}
