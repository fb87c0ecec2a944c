/**
 * Translates the patterns of a tokenizer.json, which are Oniguruma's, to JavaScript. Syntax with the same meaning is
 * kept or translated; anything else is refused, since a pattern with nearly the same meaning would silently give other
 * tokens.
 */
import { classOf, space } from '../text/unicode.js'

const word = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}'
const wordOutside = `${word}\\u00b2\\u00b3\\u00b9\\u00bc-\\u00be` // in Oniguruma's \w only outside of brackets
const properties =
  /^(?:L[ulmto]?|M[nce]?|N[dlo]?|P[cdseifo]?|S[mcko]?|Z[slp]?|C[cfn]|Han|Hiragana|Katakana|Hangul|Latin|Cyrillic|Greek|Arabic|Hebrew|Thai)$/
const scripts = /^[A-Z][a-z]{2,}$/
const escapes: Readonly<Record<string, string>> = {
  n: '\\n',
  r: '\\r',
  t: '\\t',
  f: '\\f',
  s: space,
  d: '\\p{Nd}',
  w: word,
  h: '0-9a-fA-F',
}

/** @throws Error that names the unsupported syntax */
export function javaScriptPattern(pattern: string): RegExp {
  return new RegExp(new Translator(pattern).translate(), 'gu')
}

/** A pattern that matches `text` literally. */
export function literalPattern(text: string): RegExp {
  return new RegExp(text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'), 'gu')
}

class Translator {
  readonly #pattern: string
  #at = 0
  // inside (?i: ... )
  #folds: boolean[] = []
  // for each open group, the whole pattern first: whether it repeats something without a limit, or has alternatives
  #branches: boolean[] = [false]

  constructor(pattern: string) {
    this.#pattern = pattern
  }

  translate(): string {
    let out = ''
    while (this.#at < this.#pattern.length) out += this.#next()
    return out
  }

  #next(): string {
    const char = this.#take()
    if (char === '\\') return this.#escape(false)
    if (char === '[') return this.#class()
    if (char === '(') return this.#group()
    if (char === ')') return this.#groupEnd()
    if (char === '|' || char === '*' || char === '+') this.#branches[this.#branches.length - 1] = true
    if (char === '.') return '[^\\n]'
    if (char === '{' || char === '}') return this.#braces(char)
    if (char === '^' || char === '$') throw this.#unknown(char)
    if ('*+?'.includes(char) && this.#pattern[this.#at] === '+') throw this.#unknown(`${char}+`)
    if (char === ']' || char === '/') return `\\${char}`
    return this.#folded(char)
  }

  #group(): string {
    const kind = /^\?(?:i:|:|=|!|<=|<!)/.exec(this.#pattern.slice(this.#at))?.[0] ?? ''
    if (kind === '' && this.#pattern[this.#at] === '?')
      throw this.#unknown(this.#pattern.slice(this.#at - 1, this.#at + 3))
    this.#at += kind.length
    this.#branches.push(false)
    this.#folds.push(kind === '?i:' || this.#folds.at(-1) === true)
    return kind === '' || kind === '?i:' ? '(?:' : `(${kind}`
  }

  /** A repeated group with alternatives may take exponential time; JavaScript has no limit for that. */
  #groupEnd(): string {
    this.#folds.pop()
    const branches = this.#branches.pop()!
    const repeats = /^(?:[*+]|\{\d+,\})/.test(this.#pattern.slice(this.#at))
    if (branches && repeats) throw this.#unknown('a repeated group with alternatives or repetitions inside')
    if (branches && this.#branches.length > 0) this.#branches[this.#branches.length - 1] = true
    return ')'
  }

  #braces(char: string): string {
    const count = /^(\d+,?\d*)\}(?!\+)/.exec(this.#pattern.slice(this.#at))
    if (char === '}' || count === null) throw this.#unknown(char)
    this.#at += count[0].length
    return `{${count[1]!}}`
  }

  #class(): string {
    const negated = this.#pattern[this.#at] === '^'
    if (negated) this.#at++
    let out = ''
    for (let first = true;; first = false) {
      const char = this.#take()
      if (char === ']' && !first) break
      if (char === '[' || (char === '&' && this.#pattern[this.#at] === '&')) throw this.#unknown(char)
      if (char === '\\') out += this.#escape(true)
      else out += char === '-'
          ? this.#hyphen(out)
          : '^]/(){}|.*+?$'.includes(char)
          ? `\\${char}`
          : this.#foldedInClass(char)
    }
    return `[${negated ? '^' : ''}${out}]`
  }

  /** A range, or a hyphen at either end. */
  #hyphen(before: string): string {
    return before === '' || this.#pattern[this.#at] === ']' ? '\\-' : '-'
  }

  #escape(inClass: boolean): string {
    const char = this.#take()
    if (char === 'p' || char === 'P') return this.#property(char, inClass)
    const code = char === 'x'
      ? /^(?:\{([0-9a-fA-F]{1,6})\}|([0-9a-fA-F]{2}))/
      : char === 'u'
      ? /^(([0-9a-fA-F]{4}))/
      : undefined
    if (code) {
      const found = code.exec(this.#pattern.slice(this.#at))
      if (found === null) throw this.#unknown(`\\${char}`)
      this.#at += found[0].length
      return `\\u{${found[1] ?? found[2]!}}`
    }
    if (char === 'w' && !inClass) return `[${wordOutside}]`
    if (char === 'W' && !inClass) return `[^${wordOutside}]`
    if ('SDH'.includes(char) && !inClass) return `[^${escapes[char.toLowerCase()]!}]`
    if (char in escapes) return inClass || escapes[char]!.length === 2 ? escapes[char]! : `[${escapes[char]!}]`
    if (/[A-Za-z0-9]/.test(char)) throw this.#unknown(`\\${char}`)
    return /[\\^$.*+?()[\]{}|/-]/.test(char) ? (char === '-' && !inClass ? '-' : `\\${char}`) : char
  }

  #property(kind: string, inClass: boolean): string {
    const found = /^\{(\^?)([A-Za-z]+)\}/.exec(this.#pattern.slice(this.#at))
    if (found === null || found[1] !== '' || !properties.test(found[2]!))
      throw this.#unknown(`\\${kind}${found?.[0] ?? ''}`)
    this.#at += found[0].length
    const name = found[2]!
    const own = name === 'L' ? classOf('letters') : name === 'N' ? classOf('numbers') : undefined
    if (own !== undefined && (kind === 'p' || !inClass)) return inClass ? own : `[${kind === 'P' ? '^' : ''}${own}]`
    return `\\${kind}{${scripts.test(name) ? `Script=${name}` : name}}`
  }

  #folded(char: string): string {
    const both = this.#foldedInClass(char)
    return both === char ? char : `[${both}]`
  }

  /** Includes the characters with the same case folding: s is also the long s, k the Kelvin sign. */
  #foldedInClass(char: string): string {
    if (this.#folds.at(-1) !== true || char.toLowerCase() === char.toUpperCase()) return char
    const others = /^s$/i.test(char) ? '\u017f' : /^k$/i.test(char) ? '\u212a' : ''
    return `${char.toLowerCase()}${char.toUpperCase()}${others}`
  }

  #take(): string {
    const code = this.#pattern.codePointAt(this.#at)
    if (code === undefined) throw this.#unknown('its end')
    const char = String.fromCodePoint(code)
    this.#at += char.length
    return char
  }

  #unknown(what: string): Error {
    return new Error(`pattern ${JSON.stringify(this.#pattern)}: ${what} is not supported`)
  }
}
