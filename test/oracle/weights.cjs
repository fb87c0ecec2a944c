// The weights of the reference's small models, drawn again as scripts/oracle/reference/oraclelib.py (realistic_init) drew them:
// peaky attention, a few loud channels in every norm, biases. What a tensor is like follows from its name and shape.
'use strict'

const { createHash } = require('node:crypto')
const { Generator } = require('./random.cjs')
const { fileOf } = require('./safetensors.cjs')

/** The generator of one thing: its name and the model's seed say everything, so order does not matter. */
function generatorOf(seed, name) {
  return new Generator(createHash('sha256').update(`${seed}/${name}`).digest().readBigUInt64LE())
}

/** @param {{ seed: number, logitScale?: number, logitBias?: number }} model */
function tensorOf(name, shape, model) {
  const low = name.toLowerCase()
  const generator = generatorOf(model.seed, name)
  const size = shape.reduce((product, n) => product * n, 1)
  const draw = (deviation, mean = 0, count = size) =>
    Float32Array.from({ length: count }, () => mean + deviation * generator.normal())
  const has = (...parts) => parts.some(part => low.includes(part))
  const isWeight = low.endsWith('weight')
  const inputs = shape.slice(1).reduce((product, n) => product * n, 1)

  if (low.endsWith('position_ids')) return BigInt64Array.from({ length: size }, (_, i) => BigInt(i))
  if (low.endsWith('logit_scale')) return new Float32Array(size).fill(model.logitScale ?? 4.6052)
  if (low.endsWith('logit_bias')) return new Float32Array(size).fill(model.logitBias)
  if (has('layer_norm', 'layrnorm', 'layernorm', '.ln_', 'ln_pre', 'ln_post', 'ln_final')) {
    return isWeight ? withLoudChannels(draw(0.22, 1), generator) : draw(0.15)
  }
  if (low.endsWith('class_embedding')) return draw(0.6)
  if (has('position')) return draw(has('vision', 'visual') ? 0.35 : 0.12)
  if (has('token_embedding')) return draw(0.3)
  if (has('patch_embed') || low.endsWith('conv1.weight')) return draw(isWeight ? 1 / Math.sqrt(inputs) : 0.1)
  if (has('in_proj_weight')) {
    const parts = [1.5, 1.5, 0.9].map(gain => draw(gain / Math.sqrt(inputs), 0, size / 3))
    return Float32Array.from(parts.flatMap(part => [...part]))
  }
  if (has('in_proj_bias')) return draw(0.2)
  if (has('q_proj', 'k_proj')) return isWeight ? draw(1.5 / Math.sqrt(inputs)) : draw(0.3)
  if (has('c_fc', 'fc1')) return isWeight ? draw(1.2 / Math.sqrt(inputs)) : draw(0.3, -0.2)
  if (low.endsWith('probe')) return draw(0.8)
  if (shape.length < 2) return draw(0.1)
  const fanIn = low.endsWith('proj') && shape.length === 2 ? shape[0] : shape[1]
  const first = draw(0.9 / Math.sqrt(fanIn))
  // projections to the shared space were drawn twice
  return has('visual_projection', 'text_projection') || low.endsWith('.proj') ? draw(1 / Math.sqrt(fanIn)) : first
}

function withLoudChannels(values, generator) {
  const count = Math.max(1, Math.floor(values.length / 48))
  const places = generator.choice(values.length, count)
  for (const place of places) values[place] *= Math.fround(generator.uniform(2.5, 4.5))
  return values
}

/**
 * The safetensors file of a model.
 * @param {Record<string, number[] | { dtype: string, shape: number[] }>} shapes of its tensors by name, F32 where no type is said
 */
function weightsFile(shapes, model) {
  const tensors = Object.entries(shapes).map(([name, entry]) => {
    const { dtype, shape } = Array.isArray(entry) ? { dtype: 'F32', shape: entry } : entry
    return [name, { dtype, shape, bytes: Buffer.from(tensorOf(name, shape, model).buffer) }]
  })
  return fileOf(Object.fromEntries(tensors), { format: 'pt' })
}

module.exports = { generatorOf, weightsFile }
