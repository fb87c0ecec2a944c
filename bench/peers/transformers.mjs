// @huggingface/transformers over the exported ONNX files; null when it is not installed or nothing has been exported.
import fs from 'node:fs'
import path from 'node:path'

export async function openTransformers(directory, threads) {
  if (!fs.existsSync(path.join(directory, 'onnx', 'vision_model_quantized.onnx'))) return null
  let library
  try {
    library = await import('@huggingface/transformers')
  } catch {
    return null
  }
  const { AutoProcessor, CLIPVisionModelWithProjection, RawImage, env } = library
  env.allowRemoteModels = false
  env.localModelPath = path.dirname(directory)
  const name = path.basename(directory)
  const processor = await AutoProcessor.from_pretrained(name)
  const model = await CLIPVisionModelWithProjection.from_pretrained(name, {
    dtype: 'q8',
    device: 'cpu',
    session_options: { intraOpNumThreads: threads },
  })
  return {
    version: env.version,
    async encode(bytes) {
      const image = await RawImage.fromBlob(new Blob([bytes]))
      const { image_embeds: embedding } = await model(await processor(image))
      return embedding.data
    },
  }
}
