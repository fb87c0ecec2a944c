/** jina-clip by its name: the files of its repository, ONNX and all, from the hub into a loaded model. */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

import { Clip } from '../../lib/index'
import { expectClose } from '../helpers/compare'
import { cache } from '../helpers/oracle'
import { TensorFile } from '../helpers/safetensors'
import { Bench } from './support'

const bench = new Bench()

/** What the published configurations have beside the keys that a model follows from. */
const published = {
  auto_map: {
    AutoConfig: 'jinaai/jina-clip-implementation--configuration_clip.JinaCLIPConfig',
    AutoModel: 'jinaai/jina-clip-implementation--modeling_clip.JinaCLIPModel',
  },
  initializer_factor: 1.0,
  matryoshka_dimensions: null,
  torch_dtype: 'float32',
  transformers_version: '4.46.3',
  truncate_dim: null,
  use_text_flash_attn: null,
  use_vision_xformers: null,
}

test.each(['jina-clip-v1', 'jina-clip-v2'])('%s', async name => {
  const drawn = path.join(cache, 'drawn', name)
  const own = readdirSync(drawn).filter(file => !file.startsWith('expected.'))
  const files = Object.fromEntries(own.map(file => [file, readFileSync(path.join(drawn, file))]))
  const config = JSON.parse(files['config.json']!.toString()) as object
  bench.hub.add(`jinaai/${name}`, {
    ...files,
    'README.md': '# not needed',
    'config.json': JSON.stringify({ ...published, ...config }),
    'onnx/model.onnx': Buffer.alloc(1000),
    'onnx/text_model_quantized.onnx': Buffer.alloc(1000),
    'pytorch_model.bin': Buffer.alloc(1000),
  })
  await bench.fetch(`jinaai/${name}`)
  await using clip = await Clip.load(name, { cacheDir: bench.cacheDir, offline: true, dtype: 'f32', threads: 2 })
  expect(clip.info).toMatchObject({ family: 'jina-clip', source: `hf:jinaai/${name}` })
  const expected = new TensorFile(path.join(drawn, 'expected.safetensors'))
  const { texts } = JSON.parse(readFileSync(path.join(drawn, 'expected.json'), 'utf8')) as { texts: string[] }
  const limits = { difference: 1e-4, cosine: 0.999999 }
  expectClose(name, await clip.encodeText(texts, { normalize: false }), expected.rows('text_embeds'), limits)
})
