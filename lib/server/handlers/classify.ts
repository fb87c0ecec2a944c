import type { Context } from '../context.js'
import { readImages } from '../inputs.js'
import type { ClassifyBody } from '../schemas/classify.js'
import { usageOf } from '../usage.js'
import { type Call, callOptions, fetchImages, withModel, withNames } from '../work.js'

/** POST /v1/classify */
export async function classify(context: Context, body: ClassifyBody, call: Call) {
  const { labels, templates, top_k: topK, multi_label: multiLabel } = body
  const inputs = readImages({ input: body.input, image: body.image, images: body.images })
  const prompts = labels.length * (templates?.length ?? 1)
  return withModel(context, call, body.model, inputs.length + prompts, async (clip, slot) => {
    const images = await fetchImages(context, call, inputs)
    const options = callOptions(call)
    const classifier = await clip.classifier(labels, { templates, ...options })
    const lists = await withNames(inputs, classifier.classify(images, { topK, multiLabel, ...options }))
    const data = lists.map((results, index) => ({ object: 'classification', index, results }))
    return { object: 'list', data, model: slot.name, usage: usageOf(clip, labels, inputs.length) }
  })
}
