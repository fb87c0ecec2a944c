// The peer: the shortest server that a careful person writes around @huggingface/transformers and Fastify. It takes the
// same request as ggclip's POST /v1/embeddings with one image and gives the same answer.
import { createRequire } from 'node:module'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { pathToFileURL } from 'node:url'

import Fastify from 'fastify'

const { values } = parseArgs({
  options: {
    model: { type: 'string' },
    threads: { type: 'string', default: '1' },
    quantised: { type: 'boolean', default: false },
  },
})
const peers = createRequire(path.join(import.meta.dirname, '..', 'peers', 'package.json'))
const { AutoProcessor, CLIPVisionModelWithProjection, env, RawImage } = await import(
  pathToFileURL(peers.resolve('@huggingface/transformers')).href
)

env.allowRemoteModels = false
env.localModelPath = path.dirname(path.resolve(values.model))
const name = path.basename(path.resolve(values.model))
const processor = await AutoProcessor.from_pretrained(name)
const model = await CLIPVisionModelWithProjection.from_pretrained(name, {
  dtype: values.quantised ? 'q8' : 'fp32',
  session_options: { intraOpNumThreads: Number(values.threads), interOpNumThreads: 1 },
})

const app = Fastify({ bodyLimit: 32 * 2 ** 20 })
app.get('/metrics', (_, reply) => {
  const { user, system } = process.cpuUsage()
  return reply.type('text/plain').send(
    `process_resident_memory_bytes ${process.memoryUsage().rss}\nprocess_cpu_seconds_total ${(user + system) / 1e6}\n`,
  )
})
app.post('/v1/embeddings', async request => {
  const bytes = Buffer.from(request.body.input[0].image, 'base64')
  const image = await RawImage.fromBlob(new Blob([bytes]))
  const { image_embeds: embeds } = await model(await processor(image))
  const vector = embeds.normalize().tolist()[0]
  return {
    object: 'list',
    data: [{ object: 'embedding', index: 0, embedding: vector }],
    model: name,
    usage: { prompt_tokens: 0, total_tokens: 0 },
  }
})
const url = await app.listen({ host: '127.0.0.1', port: 0 })
process.stdout.write(`${JSON.stringify({ url })}\n`)
process.once('SIGTERM', () => void app.close().then(() => process.exit(0)))
