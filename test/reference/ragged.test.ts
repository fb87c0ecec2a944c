/** Pictures that their patches do not fill (384 / 14), in batches of every size: each as alone. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { Clip } from '../../lib/index.js'
import { withKernels } from '../helpers/oracle'

const [width, size, patch] = [32, 62, 14]
const grid = Math.floor(size / patch)

/** A SigLIP image tower of one block with random weights. */
function writeModel(directory: string): void {
  const block = 'vision_model.encoder.layers.0.'
  const head = 'vision_model.head.'
  const linear = (
    name: string,
    rows = width,
    columns = width,
  ): [string, number[]][] => [[`${name}.weight`, [rows, columns]], [`${name}.bias`, [rows]]]
  const norm = (name: string): [string, number[]][] => [[`${name}.weight`, [width]], [`${name}.bias`, [width]]]
  const shapes: [string, number[]][] = [
    ['vision_model.embeddings.patch_embedding.weight', [width, 3, patch, patch]],
    ['vision_model.embeddings.patch_embedding.bias', [width]],
    ['vision_model.embeddings.position_embedding.weight', [grid * grid, width]],
    ...['layer_norm1', 'layer_norm2'].flatMap(name => norm(block + name)),
    ...['q_proj', 'k_proj', 'v_proj', 'out_proj'].flatMap(name => linear(`${block}self_attn.${name}`)),
    ...linear(`${block}mlp.fc1`, 2 * width),
    ...linear(`${block}mlp.fc2`, width, 2 * width),
    ...norm('vision_model.post_layernorm'),
    [`${head}probe`, [1, 1, width]],
    [`${head}attention.in_proj_weight`, [3 * width, width]],
    [`${head}attention.in_proj_bias`, [3 * width]],
    ...linear(`${head}attention.out_proj`),
    ...norm(`${head}layernorm`),
    ...linear(`${head}mlp.fc1`, 2 * width),
    ...linear(`${head}mlp.fc2`, width, 2 * width),
  ]
  let at = 0
  let seed = 1
  const header: Record<string, unknown> = {}
  const parts = shapes.map(([name, shape]) => {
    const count = shape.reduce((product, n) => product * n, 1)
    header[name] = { dtype: 'F32', shape, data_offsets: [at, at += 4 * count] }
    const scale = shape.length === 1 ? 0.2 : 1.5 / Math.sqrt(count / shape[0]!)
    return Buffer.from(
      Float32Array.from({ length: count }, () => {
        seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
        return (name.endsWith('norm.weight') ? 1 : 0) + scale * (seed / 2 ** 31 - 1)
      }).buffer,
    )
  })
  const head64 = Buffer.alloc(8)
  const json = Buffer.from(JSON.stringify(header))
  head64.writeBigUInt64LE(BigInt(json.length))
  writeFileSync(path.join(directory, 'model.safetensors'), Buffer.concat([head64, json, ...parts]))
  const vision = {
    model_type: 'siglip_vision_model',
    hidden_size: width,
    intermediate_size: 2 * width,
    image_size: size,
    patch_size: patch,
    num_attention_heads: 2,
    num_hidden_layers: 1,
  }
  writeFileSync(
    path.join(directory, 'config.json'),
    JSON.stringify({ model_type: 'siglip', text_config: {}, vision_config: vision }),
  )
  writeFileSync(
    path.join(directory, 'preprocessor_config.json'),
    JSON.stringify({
      image_processor_type: 'SiglipImageProcessor',
      image_mean: [0.5, 0.5, 0.5],
      image_std: [0.5, 0.5, 0.5],
      resample: 3,
      size: { height: size, width: size },
    }),
  )
}

const directory = mkdtempSync(path.join(tmpdir(), 'ggclip-ragged-'))
beforeAll(() => writeModel(directory))
afterAll(() => rmSync(directory, { recursive: true }))

/** Ready tensors among decoded pictures, as micro-batching mixes them. */
const inputs = [
  ...[1, 2, 3].map(seed => ({ tensor: Float32Array.from({ length: 3 * size * size }, (_, i) => Math.sin(seed * i)) })),
  ...[3, 5].map(seed => ({
    data: Uint8Array.from({ length: 3 * 50 * 40 }, (_, i) => (i * seed) & 255),
    width: 50,
    height: 40,
    channels: 3 as const,
  })),
]

it.each([['portable', 1], ['scalar', 3], ['best', 2]])(
  '%s kernels: batches equal their single calls',
  async (kernels, threads) => {
    for (const maxBatch of [2, 32]) {
      await using clip = await withKernels(kernels, () => Clip.load(directory, { towers: 'image', threads, maxBatch }))
      const alone: Float32Array[] = []
      for (const input of inputs) alone.push(await clip.encodeImage(input))
      expect(new Set(alone.map(vector => vector.join())).size).toBe(inputs.length)
      const order = [4, 0, 2, 3, 1, 0, 4, 2]
      const wanted = order.map(i => alone[i])
      expect(await clip.encodeImage(order.map(i => inputs[i]!))).toEqual(wanted)
      expect(await Promise.all(order.map(i => clip.encodeImage(inputs[i]!)))).toEqual(wanted)
    }
  },
)
