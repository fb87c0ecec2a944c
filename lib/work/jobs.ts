/** The jobs of a queue, and what its calls share. */
import { createHash } from 'node:crypto'

import type { Queue } from 'bullmq'
import type { Redis } from 'ioredis'

import type { Ledger } from './ledger.js'
import { keyOf } from './address.js'
import type { PictureSource } from './types.js'

/** What a job holds. */
export interface JobData {
  items: readonly PictureSource[]
  refresh?: boolean
  /** From 1; those after the first have only the pictures that failed. */
  attempt?: number
  /** The only picture may have ended workers: it is done with no other of its kind, and ends are counted. */
  suspect?: boolean
}

/** What a worker needs of its queue. */
export interface QueueParts {
  bullmq: typeof import('bullmq')
  redis: Redis
  queue: Queue<JobData>
  ledger: Ledger
  name: string
  prefix: string
}

/** The id is made of what the job does: the same job is not there twice. */
export async function addJobs(queue: Queue<JobData>, jobs: readonly JobData[]): Promise<void> {
  await queue.addBulk(jobs.map(data => ({
    name: 'embed',
    data,
    opts: {
      jobId: createHash('sha1').update(JSON.stringify([data.items.map(keyOf), data.refresh ?? false, data.suspect]))
        .digest('hex'),
      removeOnComplete: true,
    },
  })))
}
