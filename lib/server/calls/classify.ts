import type { Context } from '../context.js'
import { checkText, readImages } from '../input/read-inputs.js'
import { best, failures, image, images, inputs, list, model, user } from './schemas.js'
import { usageOf } from './usage.js'
import { type Call, callOptions, eachImage, withModel } from './work.js'

interface ClassifyBody {
  model?: string
  input?: unknown
  image?: unknown
  images?: unknown[]
  labels: string[]
  templates?: string[]
  top_k?: number
  multi_label?: boolean
  user?: string
}

const label = { type: 'string', minLength: 1, maxLength: 1024 } as const

export const classifySchema = {
  operationId: 'classify',
  tags: ['scores'],
  summary: 'Which of these labels is in the image?',
  description: 'Zero-shot classification, best label first. Pass the images as input, image or images.',
  consumes: ['application/json', 'multipart/form-data'],
  body: {
    type: 'object',
    required: ['labels'],
    additionalProperties: false,
    properties: {
      model,
      input: { ...inputs, description: 'One image or a list; strings are images.' },
      image,
      images,
      labels: { type: 'array', minItems: 1, items: label },
      templates: {
        type: 'array',
        minItems: 1,
        maxItems: 100,
        items: { type: 'string', maxLength: 1024, pattern: '\\{(label)?\\}' },
        description: "Prompts with {} for the label, averaged. Default 'a photo of a {}'.",
      },
      top_k: best,
      multi_label: { type: 'boolean', description: 'Score each label independently. Default false.' },
      user,
    },
  },
  response: {
    200: list('One list of labels an image, in order.', 'classification', {
      results: {
        type: 'array',
        items: {
          type: 'object',
          required: ['label', 'score', 'similarity'],
          properties: {
            label: { type: 'string' },
            score: { type: 'number', description: 'Probability.' },
            similarity: { type: 'number', description: 'Cosine, -1 to 1.' },
          },
        },
      },
    }),
    ...failures,
  },
} as const

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
