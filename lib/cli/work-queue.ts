/** What the commands on a queue of pictures share: where it is. */
import { type Command, Option } from 'commander'

import { openPictureQueue, type PictureQueue } from '../library.js'

export interface QueueFlags {
  redis: string
  queue?: string
}

/** Adds --redis and --queue. */
export function addQueueOptions(command: Command): Command {
  const options = [
    new Option('--redis <url>', 'redis:// or rediss://').default(
      process.env.GGCLIP_REDIS || 'redis://127.0.0.1:6379',
      'GGCLIP_REDIS, or this machine',
    ),
    new Option('--queue <name>', 'name of the queue (default: pictures)'),
  ]
  for (const option of options) command.addOption(option.helpGroup('Queue:'))
  return command
}

export async function withQueue(
  { redis, queue: name }: QueueFlags,
  use: (queue: PictureQueue) => Promise<void>,
): Promise<void> {
  const queue = await openPictureQueue(redis, { name })
  try {
    await use(queue)
  } finally {
    await queue.close()
  }
}
