// The models of the benchmarks: shapes of OpenAI's CLIP, their files, and how much of each to measure.
import path from 'node:path'

const bench = path.join(import.meta.dirname, '..', 'build', 'bench')

const shapes = {
  'vit-b-32': {
    patch: 32,
    dim: 512,
    vision: { width: 768, layers: 12, heads: 12 },
    text: { width: 512, heads: 8 },
    rounds: 15,
    batches: [1, 8],
    plain: true,
  },
  'vit-b-16': {
    patch: 16,
    dim: 512,
    vision: { width: 768, layers: 12, heads: 12 },
    text: { width: 512, heads: 8 },
    rounds: 5,
    batches: [1, 8],
  },
  'vit-l-14': {
    patch: 14,
    dim: 768,
    vision: { width: 1024, layers: 24, heads: 16 },
    text: { width: 768, heads: 12 },
    rounds: 3,
    batches: [1, 4],
  },
}

export const modelNames = Object.keys(shapes)

/** Shape and files of a model; `plain`: compared with plain ggml, too, which takes minutes on the larger ones; `directory` is a Hugging Face checkpoint (make-model.mjs), `onnx` its export (peers/install.sh). */
export function benchModel(name) {
  if (!Object.hasOwn(shapes, name))
    throw new Error(`model: expected one of ${modelNames.join(', ')}, received '${name}'`)
  return { name, ...shapes[name], directory: path.join(bench, name), onnx: path.join(bench, `${name}-onnx`) }
}

/** A file of the benchmarks that can be made again. */
export function benchFile(name) {
  return path.join(bench, name)
}
