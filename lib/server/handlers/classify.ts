import type { Context } from '../context.js'
import { checkText, readImages } from '../inputs.js'
import type { ClassifyBody } from '../schemas/classify.js'
import { usageOf } from '../usage.js'
import { type Call, callOptions, eachImage, withModel } from '../work.js'

const defaultTemplates = ['a photo of a {}']

/** POST /v1/classify */
export async function classify(context: Context, body: ClassifyBody, call: Call) {
  const { labels, templates = defaultTemplates, top_k: topK, multi_label: multiLabel } = body
  const inputs = readImages({ input: body.input, image: body.image, images: body.images }, call.uploads)
  labels.forEach((label, i) => checkText(`labels[${i}]`, label))
  templates.forEach((template, i) => checkText(`templates[${i}]`, template))
  const count = labels.length * templates.length
  return withModel(context, call, body.model, inputs.length + count, async (clip, slot) => {
    const options = callOptions(call)
    const classifier = await clip.classifier(labels, { templates, ...options })
    const lists = await eachImage(
      context,
      call,
      inputs,
      files => classifier.classify(files, { topK, multiLabel, ...options }),
    )
    const data = lists.map((results, index) => ({ object: 'classification', index, results }))
    const prompts = labels.flatMap(label => templates.map(template => template.replace(/\{(?:label)?\}/g, () => label)))
    return { object: 'list', data, model: slot.name, usage: await usageOf(clip, prompts, call) }
  })
}
