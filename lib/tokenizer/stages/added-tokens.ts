/**
 * Added tokens: matched literally in a text before it is normalised, or (`normalized`) in the normalised text, with
 * their own content normalised as well. The leftmost wins, then the longest, as in the tokenizers library.
 */
import { literalPattern } from './oniguruma.js'
import type { AddedToken } from '../types.js'
import { space, wordOfRegex } from '../text/unicode.js'

const spacesAtStart = new RegExp(`^[${space}]*`, 'u')
const wordAtStart = new RegExp(`^[${wordOfRegex}]`, 'u')
const wordAtEnd = new RegExp(`[${wordOfRegex}]$`, 'u')
const oneSpace = new RegExp(`[${space}]`, 'u')

export class AddedTokens {
  readonly #raw: Matcher
  readonly #normalized: Matcher
  readonly #normalize: (text: string) => string
  /** Whether a match may contain or include white space, so that a text must not be cut at it. */
  readonly crossesSpaces: boolean

  constructor(tokens: readonly AddedToken[], normalize: (text: string) => string) {
    this.#normalize = normalize
    this.#raw = new Matcher(tokens.filter(token => !token.normalized), text => text)
    this.#normalized = new Matcher(tokens.filter(token => token.normalized), normalize)
    this.crossesSpaces = tokens.some(({ content, lstrip, rstrip }) => lstrip || rstrip || oneSpace.test(content))
  }

  /** Ids of the tokens in `text`, and the non-empty normalised texts between them. */
  *split(text: string, normalize = this.#normalize): Generator<number | string> {
    for (const part of this.#raw.split(text)) {
      if (typeof part === 'number') yield part
      else yield* this.#normalized.split(normalize(part))
    }
  }
}

class Matcher {
  readonly #tokens = new Map<string, AddedToken>()
  readonly #pattern: RegExp | undefined

  constructor(tokens: readonly AddedToken[], normalize: (text: string) => string) {
    // of tokens with equal normalised contents the last counts, and special ones come first
    const inOrder = [...tokens.filter(token => token.special), ...tokens.filter(token => !token.special)]
    for (const token of inOrder) this.#tokens.set(normalize(token.content), token)
    const contents = [...this.#tokens.keys()].sort((a, b) => b.length - a.length)
    if (contents.length > 0)
      this.#pattern = new RegExp(contents.map(content => literalPattern(content).source).join('|'), 'gu')
  }

  *split(text: string): Generator<number | string> {
    let done = 0
    if (this.#pattern !== undefined) {
      for (const { 0: match, index } of text.matchAll(this.#pattern)) {
        const token = this.#tokens.get(match)!
        let [start, end] = [index, index + match.length]
        if (token.singleWord && (wordAtEnd.test(lastChar(text, start)) || wordAtStart.test(text.slice(end, end + 2))))
          continue
        if (token.lstrip) { while (start > done && oneSpace.test(text[start - 1]!)) start-- }
        if (token.rstrip) end += spacesAtStart.exec(text.slice(end))![0].length
        if (start > done) yield text.slice(done, start)
        // a token whose normalised content is empty splits the text between all characters, as in the reference
        if (end > start) yield token.id
        done = end
      }
    }
    if (done < text.length) yield text.slice(done)
  }
}

/** The character before `end`, including both halves of a surrogate pair. */
function lastChar(text: string, end: number): string {
  return text.slice(Math.max(0, end - 2), end)
}
