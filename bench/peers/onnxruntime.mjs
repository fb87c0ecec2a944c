// onnxruntime-node over the exported towers; null when it is not installed or nothing has been exported.
import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'

const require = createRequire(import.meta.url)

export async function openOnnx(directory, file, threads) {
  const model = path.join(directory, 'onnx', file)
  if (!fs.existsSync(model)) return null
  let ort
  try {
    ort = require('onnxruntime-node')
  } catch {
    return null
  }
  const session = await ort.InferenceSession.create(model, { intraOpNumThreads: threads, interOpNumThreads: 1 })
  return {
    version: ort.env.versions.node ?? ort.env.versions.common,
    image: (pixels, n, size) => session.run({ pixel_values: new ort.Tensor('float32', pixels, [n, 3, size, size]) }),
    text: (ids, n) =>
      session.run({ input_ids: new ort.Tensor('int64', BigInt64Array.from(ids, BigInt), [n, ids.length / n]) }),
    close: () => session.release(),
  }
}
