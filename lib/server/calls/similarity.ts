import { eachInSteps, turns } from '../../async/turns.js'
import { invalidArgument } from '../../errors.js'
import { dot } from '../../library.js'
import { logitsOf, probabilitiesOf } from '../../vectors/scores.js'
import type { Context } from '../context.js'
import { readImages, readText, textsOf } from '../input/read-inputs.js'
import { failures, image, images, model, result, text, user } from './schemas.js'
import { usageOf } from './usage.js'
import { type Call, encodeInputs, withModel } from './work.js'

interface SimilarityBody {
  model?: string
  image?: unknown
  images?: unknown[]
  text?: string
  texts?: string[]
  user?: string
}

const matrix = { type: 'array', items: { type: 'array', items: { type: 'number' } } } as const

export const similaritySchema = {
  operationId: 'similarity',
  tags: ['scores'],
  summary: 'How well does each text fit each image?',
  description: 'Every pair: rows are images, columns texts. Texts are taken as they are, without a prompt.',
  consumes: ['application/json', 'multipart/form-data'],
  body: {
    type: 'object',
    additionalProperties: false,
    properties: {
      model,
      image,
      images,
      text,
      texts: { type: 'array', minItems: 1, items: text },
      user,
    },
  },
  response: {
    200: result('Three matrices.', {
      object: { const: 'similarity' },
      similarities: { ...matrix, description: 'Cosines.' },
      logits: { ...matrix, description: "The model's logits_per_image." },
      probabilities: { ...matrix, description: 'Softmax of each row, or sigmoid of each value for models trained so.' },
    }),
    ...failures,
  },
} as const

/** POST /v1/similarity */
export async function similarity(context: Context, body: SimilarityBody, call: Call) {
  const images = readImages({ image: body.image, images: body.images }, call.uploads)
  const texts = [...(body.text === undefined ? [] : [readText('text', body.text)]),
    ...(body.texts ?? []).map((text, i) => readText(`texts[${i}]`, text))]
  if (texts.length === 0) throw invalidArgument('texts', 'at least one text', undefined)
  const inputs = [...images, ...texts]
  return withModel(context, call, body.model, inputs.length, async (clip, slot) => {
    const vectors = await encodeInputs(context, call, clip, inputs)
    const [rows, columns] = [vectors.slice(0, images.length), vectors.slice(images.length)]
    const similarities = await turns.run(eachInSteps(rows, row => columns.map(column => dot(row, column))), call.signal)
    // rounded to float32, like the library's similarity()
    const logits = await turns.run(
      eachInSteps(similarities, row => Float32Array.from(logitsOf(row, clip.info))),
      call.signal,
    )
    const probabilities = await turns.run(
      eachInSteps(logits, row => Float32Array.from(probabilitiesOf(row, clip.info))),
      call.signal,
    )
    return {
      object: 'similarity',
      similarities,
      logits,
      probabilities,
      model: slot.name,
      usage: await usageOf(clip, textsOf(inputs), call),
    }
  })
}
