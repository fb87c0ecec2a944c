/** What the commands on a queue of pictures share: where it is, and where its pictures are. */
import { type Command, Option } from 'commander'

import { openPictureQueue, type PictureQueue, type S3Options, type WorkOptions } from '../library.js'
import { collect } from './options.js'

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

export interface RemoteFlags {
  remoteHosts?: string[]
  privateAddresses?: boolean
  s3Endpoint?: string
  s3Region?: string
  s3Style?: S3Options['style']
  s3Anonymous?: boolean
}

/** Adds what is allowed at URLs, and where objects of S3 are. Keys are taken from the environment only. */
export function addRemoteOptions(command: Command): Command {
  const options = [
    new Option(
      '--remote-hosts <host>',
      "fetch URLs of this host only; '*.example' for its subdomains (repeatable)",
    ).argParser(collect),
    new Option('--private-addresses', 'fetch URLs at private addresses, too (default: public ones only)'),
    new Option('--s3-endpoint <url>', 'of another server than AWS (default: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL)'),
    new Option('--s3-region <name>', 'region of the buckets (default: AWS_REGION, AWS_DEFAULT_REGION, us-east-1)'),
    new Option('--s3-style <style>', 'buckets in the path or the host of URLs (default: path with an endpoint)')
      .choices(
        ['path', 'virtual'],
      ),
    new Option('--s3-anonymous', 'sign no requests (default: sign them with AWS_ACCESS_KEY_ID and its secret)'),
  ]
  for (const option of options) command.addOption(option.helpGroup('URLs and S3:'))
  return command
}

export function remoteOptions(flags: RemoteFlags): Pick<WorkOptions, 'remoteImages' | 's3'> {
  const { remoteHosts: hosts, privateAddresses, s3Endpoint, s3Region, s3Style, s3Anonymous } = flags
  return {
    remoteImages: { hosts, privateAddresses },
    s3: { endpoint: s3Endpoint, region: s3Region, style: s3Style, anonymous: s3Anonymous },
  }
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
