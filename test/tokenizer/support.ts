/** The tiny vocabulary with its reference vectors, and helpers. */
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

import { errorCodeOf } from '../../lib/errors.js'
import type { TokenizerSource } from '../../lib/tokenizer/tokenizer.js'
import { impliedMerges } from '../../lib/tokenizer/words/bpe.js'

export const fixtures = resolve(__dirname, '../fixtures/tokenizer')

export const textOf = (path: string): string => readFileSync(path, 'utf8')
// test data, whose shape each test knows
export const jsonOf = <T>(path: string): T => JSON.parse(textOf(path)) as T

export const vocab = textOf(join(fixtures, 'vocab.json'))
export const merges = textOf(join(fixtures, 'merges.txt'))
export const specials = { bos: '<|startoftext|>', eos: '<|endoftext|>', pad: '!', unk: '<|endoftext|>' }
export const tiny: TokenizerSource = { vocab, merges, specials }
export const bos = 1712
export const eos = 1713

interface Vector {
  text: string
  ids: number[]
  openClip: string
  canonical: string
}
export const vectors = jsonOf<{ vectors: Vector[] }>(join(fixtures, 'vectors.json')).vectors

export function tokensOf(text: string): string[] {
  const ids = JSON.parse(text) as Record<string, number>
  return Object.keys(ids).sort((a, b) => ids[a]! - ids[b]!)
}

export function codeOf(action: () => unknown): string | undefined {
  try {
    action()
  } catch (error) {
    return errorCodeOf(error)
  }
  return 'nothing thrown'
}

/** The same numbers on every run. */
export function randomOf(seed: number): (below: number) => number {
  let state = seed
  return below => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

export function randomText(random: (below: number) => number, alphabet: readonly string[], length: number): string {
  return Array.from({ length }, () => alphabet[random(alphabet.length)]).join('')
}

export const alphabet = [
  ...'abcdefghijklmnopqrstuvwxyz',
  ...'ABC019 \n\t.,!?\'"&;<>|_-',
  ...'éßÅÀçšŁΣσЖя日本語한🙂\u0301\u00a0\u200d\u0085',
]

/**
 * The merge list, lines 'left right', that a token list in id order implies (see {@link impliedMerges}). For CLIP's
 * vocabulary it is merges.txt, line by line.
 */
export function recoverMerges(tokens: readonly string[]): string[] {
  const ids = new Map(tokens.map((token, id) => [token, id]))
  const { splitOf } = impliedMerges(tokens, token => ids.get(token), id => isSpecialName(tokens[id]!))
  const merges: string[] = []
  tokens.forEach((token, id) => {
    const split = splitOf(id)
    if (split > 0) merges.push(`${token.slice(0, split)} ${token.slice(split)}`)
  })
  return merges
}

function isSpecialName(token: string): boolean {
  return /^<\|?(?:start|end)_?of_?text\|?>$/.test(token)
}
