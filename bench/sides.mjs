// What the benchmarks of towers share: a ggclip session as a side, accuracy, and how a case is printed and kept.
import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'

/** The addon of this tree's build. */
export const addon = createRequire(import.meta.url)(
  path.join(import.meta.dirname, '..', 'build', 'cmake', 'ggclip.node'),
)

/**
 * A ggclip session on the towers themselves: no decoding, no tokenizer, as the peers are measured. `kernels`: a level,
 * or GGCLIP_CPU's.
 */
export async function openGgclip(
  directory,
  { name, dtype, precision = 'default', kernels = process.env.GGCLIP_CPU ?? '', every, towers = 'image' },
  threads,
) {
  const loaded = await addon.loadModel(directory, { device: 'cpu', towers, dtype, precision, kernels }).promise
  const session = loaded.createSession(threads, 32)
  return {
    name,
    every,
    info: loaded.info(),
    image(data, n) {
      const values = data.length / n
      const tensors = Array.from({ length: n }, (_, i) => ({ tensor: data.subarray(i * values, (i + 1) * values) }))
      return session.encodeImages(tensors, null).promise
    },
    text: (data, n) => session.encodeTexts(Int32Array.from(data), new Int32Array(n).fill(data.length / n)).promise,
    async close() {
      await session.dispose()
      loaded.dispose()
    },
  }
}

/** The lowest cosine of rows of `dim`. Wrong results are not worth timing. */
export function leastCosine(a, b, dim) {
  if (a.length !== b.length) throw new Error(`expected ${b.length} values, received ${a.length}`)
  let least = 1
  for (let row = 0; row < a.length; row += dim) {
    let [ab, aa, bb] = [0, 0, 0]
    for (let i = row; i < row + dim; i++) [ab, aa, bb] = [ab + a[i] * b[i], aa + a[i] * a[i], bb + b[i] * b[i]]
    least = Math.min(least, ab / Math.sqrt(aa * bb))
  }
  if (!(least > 0.9)) throw new Error(`the least cosine to f32 is ${least}`)
  return least
}

/** Prints the rows of a case, each with its side's `cosine` if it has one. */
export function show(name, rows, sides) {
  process.stdout.write(`\n${name} (ms each; ratio to ${rows[0].name})\n`)
  for (const row of rows) {
    const { cosine } = sides.find(side => side.name === row.name)
    const accuracy = cosine === undefined ? '' : `  cosine to f32 ${cosine.toFixed(6)}`
    process.stdout.write(
      `  ${row.name.padEnd(36)} ${row.ms.toFixed(2).padStart(8)}  (${row.min.toFixed(2)}..${row.max.toFixed(2)})  ${
        row.ratio.toFixed(2)
      }x${accuracy}\n`,
    )
  }
}

export function keep(report, file) {
  fs.mkdirSync(path.dirname(file), { recursive: true })
  fs.writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`)
  process.stdout.write(`\n${report.cpu}, kernels ${report.kernels}; written to ${path.relative(process.cwd(), file)}\n`)
}
