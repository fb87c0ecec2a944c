/**
 * Collects the special and added tokens of a checkpoint folder from its files and assigns ids as transformers does.
 *
 * transformers 5.24: `added_tokens_decoder` of tokenizer_config.json, if present, replaces special_tokens_map.json,
 * added_tokens.json and (for classes that build a tokenizer themselves) the list of tokenizer.json. Ids in these files
 * only give the order: a token of the vocabulary keeps its id, the others follow the vocabulary one by one.
 */
import { checkedId, invalidPart, isRecord } from './files/parts.js'
import type { AddedToken, BesideFiles, SpecialTokens } from './types.js'

/** An added token without a final id. */
type NewToken = Omit<AddedToken, 'id'>

const roles = ['bos', 'eos', 'unk', 'sep', 'pad', 'cls', 'mask'] as const
type Role = (typeof roles)[number]

// real ones have a hundredth of it; all together are one pattern
const maxContent = 2048

/** @param special default for a token without this flag */
function tokenOf(value: unknown, at: string, special = false): NewToken {
  const { length } = (isRecord(value) ? value.content ?? '' : value) as { length?: unknown }
  if (typeof length === 'number' && length > maxContent)
    throw invalidPart(at, `a token of at most ${maxContent} characters`, length)
  if (typeof value === 'string')
    return { content: value, special, normalized: !special, singleWord: false, lstrip: false, rstrip: false }
  if (!isRecord(value) || typeof value.content !== 'string')
    throw invalidPart(at, 'a token or an object with its content', value)
  const flag = (name: string, fallback: boolean): boolean => {
    const found = value[name] ?? fallback
    if (typeof found !== 'boolean') throw invalidPart(`${at}.${name}`, 'true or false', found)
    return found
  }
  const isSpecial = flag('special', special)
  return {
    content: value.content,
    special: isSpecial,
    normalized: flag('normalized', !isSpecial),
    singleWord: flag('single_word', false),
    lstrip: flag('lstrip', false),
    rstrip: flag('rstrip', false),
  }
}

/**
 * Values of the files by key: the map's before the configuration's, unless the configuration lists all added tokens.
 */
function fieldsOf({ config = {}, map = {} }: BesideFiles): Readonly<Record<string, unknown>> {
  const stated = Object.fromEntries(Object.entries(map).filter(([, value]) => value !== null))
  return config.added_tokens_decoder === undefined ? { ...config, ...stated } : config
}

/** Tokens that the files assign to a role. */
function namedTokens(beside: BesideFiles): Map<Role, NewToken> {
  const fields = fieldsOf(beside)
  const named = new Map<Role, NewToken>()
  for (const role of roles) {
    const value = fields[`${role}_token`]
    if (typeof value === 'string' || isRecord(value))
      named.set(role, tokenOf(value, `${role}_token`, typeof value === 'string'))
  }
  return named
}

/** The names of the tokens that frame and pad rows. */
export function specialNames(beside: BesideFiles): SpecialTokens {
  const named = namedTokens(beside)
  const name = (role: Role): string | undefined => named.get(role)?.content
  return { bos: name('bos'), eos: name('eos'), pad: name('pad'), unk: name('unk') }
}

/**
 * All added tokens in the order in which they get their ids.
 *
 * @param listed `added_tokens` of the tokenizer.json
 * @param rebuilds whether the tokenizer's class uses only the vocabulary of the tokenizer.json
 * @param defaults tokens that the class names if the files do not
 */
export function addedTokensOf(
  listed: unknown,
  beside: BesideFiles,
  rebuilds: boolean,
  defaults: Readonly<Partial<Record<Role, string>>>,
): NewToken[] {
  const fields = fieldsOf(beside)
  const own = listedTokens(listed)
  const named = namedTokens(beside)
  for (const role of roles) {
    const token = defaults[role]
    if (token !== undefined && !named.has(role) && fields[`${role}_token`] !== null)
      named.set(role, tokenOf(token, role, true))
  }
  const extra = extraTokens(fields)
  const names = new Set([...named.values()].map(({ content }) => content))
  const specials = new Set([...names, ...(Array.isArray(fields.extra_special_tokens) ? extra : []).map(({ content }) =>
    content
  )])
  const ordered = fields.added_tokens_decoder === undefined
    ? sorted([...addedFile(beside.added ?? {}, specials), ...own])
    : sorted(decoderTokens(fields.added_tokens_decoder))
  const tokens = new Map<string, NewToken>()
  const add = (token: NewToken): void => {
    if (token.content !== '' && !tokens.has(token.content)) tokens.set(token.content, token)
  }
  if (!rebuilds) own.forEach(([, token]) => add(token))
  for (const token of ordered) if (token.content !== '') tokens.set(token.content, token) // keeps its position
  const marked = [...tokens.values()].map(token => (names.has(token.content) ? { ...token, special: true } : token))
  for (const token of marked) tokens.set(token.content, token)
  named.forEach(token => add({ ...token, special: true }))
  extra.forEach(add)
  return [...tokens.values()]
}

type Placed = [id: number, token: NewToken]

function sorted(tokens: Placed[]): NewToken[] {
  return tokens.sort(([a], [b]) => a - b).map(([, token]) => token)
}

function listedTokens(listed: unknown): Placed[] {
  if (listed === undefined || listed === null) return []
  if (!Array.isArray(listed)) throw invalidPart('added_tokens', 'a list', listed)
  return listed.map((token: unknown, index): Placed => {
    const at = `added_tokens[${index}]`
    if (!isRecord(token) || typeof token.content !== 'string' || token.content === '')
      throw invalidPart(at, 'an id and a content', token)
    return [checkedId(token.id, `${at}.id`), tokenOf(token, at)]
  })
}

function decoderTokens(decoder: unknown): Placed[] {
  const at = 'tokenizer_config.json: added_tokens_decoder'
  if (!isRecord(decoder)) throw invalidPart(at, 'an object', decoder)
  return Object.entries(decoder).map((
    [id, token],
  ): Placed => [checkedId(/^\d+$/.test(id) ? Number(id) : id, at), tokenOf(token, `${at}.${id}`)])
}

function addedFile(added: Readonly<Record<string, unknown>>, specials: ReadonlySet<string>): Placed[] {
  return Object.entries(added).map((
    [content, id],
  ): Placed => [checkedId(id, `added_tokens.json: ${JSON.stringify(content)}`),
    tokenOf(content, content, specials.has(content))]
  )
}

function extraTokens(fields: Readonly<Record<string, unknown>>): NewToken[] {
  return ['extra_special_tokens', 'additional_special_tokens'].flatMap(key => {
    const list = fields[key]
    if (isRecord(list))
      return Object.entries(list).map(([name, token]) => ({ ...tokenOf(token, `${key}.${name}`, true), special: true }))
    if (list === undefined || list === null) return []
    if (!Array.isArray(list)) throw invalidPart(key, 'a list', list)
    return list.map((token: unknown, index) => ({ ...tokenOf(token, `${key}[${index}]`, true), special: true }))
  })
}

/** Ids as in the tokenizers library: the vocabulary's, else consecutive ones after it. */
export function withIds(tokens: readonly NewToken[], ids: ReadonlyMap<string, number>): AddedToken[] {
  let highest = -1 // ids of added tokens
  return tokens.map(token => {
    const known = ids.get(token.content)
    const id = known ?? (highest >= ids.size ? highest + 1 : ids.size)
    highest = Math.max(highest, id)
    return { ...token, id }
  })
}

/** Usual names of start and end tokens if no file names them, in the order in which they are tried. */
export const usualBos: readonly string[] = ['<|startoftext|>', '<start_of_text>', '<s>', '<bos>', '[CLS]']
export const usualEos: readonly string[] = ['<|endoftext|>', '<end_of_text>', '</s>', '<eos>', '[SEP]']

export function hasUsualNames(tokens: readonly string[]): boolean {
  return usualBos.some(name => tokens.includes(name)) && usualEos.some(name => tokens.includes(name))
}
