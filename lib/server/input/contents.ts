/** Cohere's and Voyage's inputs: lists of parts that their models embed together. */
import { invalidArgument } from '../../errors.js'
import { type Input, readInput, type Uploads } from './read-inputs.js'

/** @throws {TypeError} unless each content has one part: this model embeds each text and each image separately */
export function readContents(name: string, inputs: readonly { content: unknown[] }[], uploads: Uploads): Input[] {
  return inputs.map(({ content }, i) => {
    const at = `${name}[${i}].content`
    if (content.length !== 1) {
      throw invalidArgument(
        at,
        'exactly one text or one image, since this model embeds each separately,',
        content,
      )
    }
    return readInput(`${at}[0]`, content[0], undefined, uploads)
  })
}
