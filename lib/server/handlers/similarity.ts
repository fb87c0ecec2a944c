import { dot, sigmoid, softmax } from '../../library.js'
import { eachInSteps, turns } from '../../async/turns.js'
import { invalidArgument } from '../../errors.js'
import type { Context } from '../context.js'
import { readImages, readText, textsOf } from '../inputs.js'
import type { SimilarityBody } from '../schemas/similarity.js'
import { usageOf } from '../usage.js'
import { type Call, encodeInputs, withModel } from '../work.js'

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
    const { logitScale, logitBias, sigmoid: isSigmoid } = clip.info
    // rounded to float32, as the library's similarity() does
    const logits = await turns.run(
      eachInSteps(similarities, row => row.map(cosine => Math.fround(logitScale * cosine + logitBias))),
      call.signal,
    )
    const probabilities = await turns.run(
      eachInSteps(logits, row => Float32Array.from(isSigmoid ? sigmoid(row) : softmax(row))),
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
