/** Requests that do not let their texts be cut at the model's context, or that want them cut elsewhere. */
import { eachInSteps, turns } from '../../async/turns.js'
import { outOfRange } from '../../errors.js'
import type { Clip } from '../../library.js'
import { type Input, longestText } from '../input/read-inputs.js'
import { tokenCount } from './usage.js'

export interface TextLimits {
  /** The field that forbids cutting at the end, if one does. */
  uncut?: string | undefined
  /** The field that sets a length to cut at, and that length in tokens, start and end included. */
  most?: { field: string; tokens: number } | undefined
}

/**
 * The library cuts a text at the end of the model's context, and nowhere else. Since a text that just fills the context
 * cannot be told from one that was cut, it counts as too long.
 *
 * @throws {RangeError} a text for which the numbers would differ from what the request asks for; the signal's reason
 */
export async function checkTextLengths(
  clip: Pick<Clip, 'info' | 'tokenize'>,
  inputs: readonly Input[],
  { uncut, most }: TextLimits,
  signal?: AbortSignal,
): Promise<void> {
  const { text: tower } = clip.info
  if (!tower || (uncut === undefined && most === undefined)) return
  const check = (input: Input): void => {
    if (input.kind !== 'text') return
    const count = tokenCount(clip.tokenize(input.text), tower)
    if (uncut !== undefined && (count >= tower.contextLength || input.text.length >= longestText - 1)) {
      throw outOfRange(
        input.name,
        `a text of less than ${tower.contextLength} tokens, since ${uncut} forbids cutting it,`,
        input.text,
      )
    }
    if (most !== undefined && count > most.tokens) {
      throw outOfRange(
        input.name,
        `a text of at most ${most.tokens} tokens (it has ${count}), since this server cuts texts only at the context and not at ${most.field},`,
        input.text,
      )
    }
  }
  await turns.run(eachInSteps(inputs, check), signal)
}
