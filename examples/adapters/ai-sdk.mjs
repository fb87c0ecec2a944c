// Vercel AI SDK: a model as a provider, for `embed` and `embedMany`.
//
//   npm install ggclip ai && node ai-sdk.mjs
import { cosineSimilarity, embed, embedMany } from 'ai'
import { Clip } from 'ggclip'

/** An embedding model (version 3 of the SDK's interface) over texts. */
export function clipEmbedding(clip) {
  return {
    specificationVersion: 'v3',
    provider: 'ggclip',
    modelId: clip.info.name,
    maxEmbeddingsPerCall: 256,
    supportsParallelCalls: true,
    async doEmbed({ values, abortSignal }) {
      const vectors = await clip.encodeText(values, { signal: abortSignal })
      return { embeddings: vectors.map(vector => Array.from(vector)), warnings: [] }
    },
  }
}

if (process.argv[1] === import.meta.filename) {
  const clip = await Clip.load()
  const model = clipEmbedding(clip)
  const { embedding } = await embed({ model, value: 'a slice of pizza' })
  const { embeddings } = await embedMany({ model, values: ['a pizza', 'a rocket'] })
  const [pizza, rocket] = embeddings.map(other => cosineSimilarity(embedding, other))
  console.log(JSON.stringify({ dim: embedding.length, nearer: pizza > rocket }))
  await clip.dispose()
}
