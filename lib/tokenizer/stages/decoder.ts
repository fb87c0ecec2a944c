/** The `decoder` of a tokenizer.json: tokens to text. */
import { isUtf8 } from 'node:buffer'

import { fromByteChars } from '../words/bytes.js'
import { patternOf } from './normalizer.js'
import { invalidPart, isRecord } from '../files/parts.js'

export type Decode = (tokens: string[]) => string[]

/** For `null` and absent: tokens joined by spaces, as in the tokenizers library. */
export function makeDecoder(part: unknown, at = 'decoder'): Decode {
  if (part === null || part === undefined) return tokens => [tokens.join(' ')]
  if (!isRecord(part)) throw invalidPart(at, 'an object', part)
  switch (part.type) {
    case 'Sequence': {
      if (!Array.isArray(part.decoders)) throw invalidPart(`${at}.decoders`, 'a list', part.decoders)
      const all = part.decoders.map((one: unknown, index) => makeDecoder(one, `${at}.decoders[${index}]`))
      return tokens => all.reduce((current, decode) => decode(current), tokens)
    }
    case 'ByteLevel':
      return tokens => [fromByteChars(tokens.join(''))]
    case 'WordPiece':
      return wordPiece(part)
    case 'Metaspace': {
      const sign = typeof part.replacement === 'string' ? part.replacement : '\u2581'
      const first = part.prepend_scheme === 'never' ? ' ' : ''
      return tokens => tokens.map((token, index) => token.replaceAll(sign, index === 0 ? first : ' '))
    }
    case 'BPEDecoder': {
      const suffix = typeof part.suffix === 'string' ? part.suffix : '</w>'
      return tokens => tokens.map((token, index) => token.replaceAll(suffix, index === tokens.length - 1 ? '' : ' '))
    }
    case 'Fuse':
      return tokens => [tokens.join('')]
    case 'ByteFallback':
      return byteFallback
    case 'Replace': {
      const pattern = patternOf(part.pattern, at)
      const content = typeof part.content === 'string' ? part.content : ''
      return tokens => tokens.map(token => token.replace(pattern, () => content))
    }
    case 'Strip':
      return strip(part)
    default:
      throw invalidPart(`${at}.type`, 'a decoder that is known', part.type)
  }
}

function wordPiece({ prefix = '##', cleanup }: Record<string, unknown>): Decode {
  const continued = typeof prefix === 'string' ? prefix : '##'
  return tokens =>
    tokens.map((token, index) => {
      const text = index === 0 ? token : token.startsWith(continued) ? token.slice(continued.length) : ` ${token}`
      if (cleanup === false) return text
      return text.replace(/ ([.?!,])/g, '$1').replaceAll(" ' ", "'").replaceAll(" n't", "n't").replace(
        / ('m|'s|'ve|'re)/g,
        '$1',
      )
    })
}

/** Bytes that are no UTF-8 become a replacement character each, as in the tokenizers library. */
function byteFallback(tokens: string[]): string[] {
  const out: string[] = []
  let bytes: number[] = []
  const flush = (): void => {
    const all = Buffer.from(bytes)
    if (bytes.length > 0) out.push(isUtf8(all) ? all.toString('utf8') : '\ufffd'.repeat(bytes.length))
    bytes = []
  }
  for (const token of tokens) {
    const byte = /^<0x([0-9A-Fa-f]{2})>$/.exec(token)
    if (byte) {
      bytes.push(Number.parseInt(byte[1]!, 16))
      continue
    }
    flush()
    out.push(token)
  }
  flush()
  return out
}

function strip({ content = ' ', start = 0, stop = 0 }: Record<string, unknown>): Decode {
  return tokens =>
    tokens.map(token => {
      let [from, to] = [0, token.length]
      while (from < Number(start) && token[from] === content) from++
      while (token.length - to < Number(stop) && to > from && token[to - 1] === content) to--
      return token.slice(from, to)
    })
}
