import { execFileSync } from 'node:child_process'
import { resolve } from 'node:path'

import { impliedMerges, mergePieces, ranksOfMerges } from '../../lib/tokenizer/words/bpe.js'
import { fromByteChars, toByteChars } from '../../lib/tokenizer/words/bytes.js'
import { cleanText, splitForCleaning } from '../../lib/tokenizer/text/clean.js'
import { encodePrefix } from '../../lib/tokenizer/stages/prefix.js'
import { createTokenizer, textCleanings, type TokenizerSettings } from '../../lib/tokenizer/tokenizer.js'
import { alphabet, bos, codeOf, eos, merges, randomOf, randomText, tiny, vectors, vocab } from './support'

describe('cleaning', () => {
  test.each(vectors.map(vector => [vector.text, vector.openClip, vector.canonical] as const))(
    'open_clip cleans %j',
    (text, openClip, canonical) => {
      expect(cleanText(text, 'open_clip')).toBe(openClip)
      expect(cleanText(text, 'canonicalize')).toBe(canonical)
      expect(cleanText(text, 'none')).toBe(text)
    },
  )

  test.each([
    ['voilÃ  le travail', 'voilà le travail'],
    ['â€œdoubleâ€\ufffd', '"double\ufffd'],
    ['Ã¢â‚¬â„¢', "'"],
    ['&EACUTE;&eacute; &NOTIN', 'éé &notin'],
    ['\x1b[31mred\x1b[0m', 'red'],
    ['ŉ ﬅ', "'n ſt"],
    ['a <b> &amp;amp; c\n&amp;', 'a <b> & c &'],
    ['&#xD800; &#1114112; &#1; &#x81;', '\ufffd \ufffd \x81'],
  ])('ftfy and html.unescape: %j', (text, cleaned) => {
    expect(cleanText(text, 'open_clip')).toBe(cleaned)
  })

  // each of these spells UTF-8 in some code page, or nearly
  test.each([
    '« été\u00a0»',
    '„Spaß“',
    'najljepši Žižkov',
    'Київ — столиця, її',
    'най-љепши најљепши',
    'AHÅ™',
    'É¿',
    'ÀÉ «Ø«',
    'MAÇÃ E PÃO',
    '5×3 ±2 µm',
    '┌──┐│box│└──┘',
    '√2 ≈ 1.41',
    '“‚Ämter‘”',
    'é\u00a0à',
    'x² + y²',
  ])('is no mojibake: %s', text => {
    const plain = text.replace(/[‘’‚]/g, "'").replace(/[“”„]/g, '"').replace(/\u00a0/g, ' ').toLowerCase()
    expect(cleanText(text, 'open_clip').replace(/[‚]/g, "'")).toBe(plain)
  })

  test('parts cleaned one by one give the ids of the whole', () => {
    const random = randomOf(3)
    for (const cleaning of ['whitespace_lower', 'open_clip', 'canonicalize'] as const) {
      const tokenizer = createTokenizer(tiny, { contextLength: 4000, cleaning })
      for (let round = 0; round < 20; round++) {
        const text = randomText(random, alphabet, 300)
        const parts = [...splitForCleaning(text, cleaning, 20)]
        expect(parts.join('')).toBe(text)
        const separate = parts.flatMap(part => tokenizer.encode(part).slice(1, -1))
        // ftfy leaves entities alone after a '<', also in the lines that follow it
        if (cleaning !== 'whitespace_lower' && /<[^]*&/.test(text)) continue
        expect(separate).toEqual(tokenizer.encode(text).slice(1, -1))
      }
    }
  })
})

describe('rows', () => {
  const tokenizer = createTokenizer(tiny, { contextLength: 16 })
  const long = createTokenizer(tiny, { contextLength: 4000 })

  test('truncation keeps the end token last and the start of the rest', () => {
    const random = randomOf(1)
    for (let round = 0; round < 200; round++) {
      const text = randomText(random, alphabet, random(60))
      const all = long.encode(text)
      const cut = tokenizer.encode(text)
      expect(cut).toEqual(all.length <= 16 ? all : [...all.slice(0, 15), eos])
    }
  })

  test('padding fills rows with the pad token', () => {
    const random = randomOf(2)
    const texts = Array.from({ length: 50 }, () => randomText(random, alphabet, random(40)))
    const rows = tokenizer.encodePadded(texts)
    expect(rows).toBeInstanceOf(Int32Array)
    expect(rows).toHaveLength(50 * 16)
    texts.forEach((text, i) => {
      const ids = tokenizer.encode(text)
      expect([...rows.subarray(16 * i, 16 * i + 16)]).toEqual([...ids, ...new Array<number>(16 - ids.length).fill(0)])
    })
    expect(tokenizer.encodePadded([])).toHaveLength(0)
  })

  test('decoding and encoding again changes nothing', () => {
    const random = randomOf(4)
    for (let round = 0; round < 300; round++) {
      const ids = long.encode(randomText(random, alphabet.filter(char => !/[<>|]/.test(char)), 40))
      expect(long.encode(long.decode(ids))).toEqual(ids)
    }
    expect(tokenizer.decode(tokenizer.encodePadded(['A photo of a CAT!']))).toBe('a photo of a cat !')
    expect(tokenizer.decode([])).toBe('')
  })

  test('start and end tokens are optional', () => {
    const ids = tokenizer.encode('a cat')
    const settings = (addBos: boolean, addEos: boolean): TokenizerSettings => ({ contextLength: 16, addBos, addEos })
    expect(createTokenizer(tiny, settings(false, true)).encode('a cat')).toEqual(ids.slice(1))
    expect(createTokenizer(tiny, settings(true, false)).encode('a cat')).toEqual(ids.slice(0, -1))
    expect(createTokenizer(tiny, settings(false, false)).encode('cat '.repeat(99))).toHaveLength(16)
  })

  test('lone surrogates count as U+FFFD', () => {
    expect(tokenizer.encode('a\ud800b\udc00')).toEqual(tokenizer.encode('a\ufffdb\ufffd'))
  })
})

describe('long texts', () => {
  const ranks = ranksOfMerges(merges.trim().split('\n').slice(1))
  const ids = JSON.parse(vocab) as Record<string, number>

  test('a word is encoded from its start as all of it would be', () => {
    const random = randomOf(5)
    const tokenizer = createTokenizer(tiny, { contextLength: 77 })
    for (const letters of ['ab', 'etaoin', 'abcdefghijklmnopqrstuvwxyz', 'thein', 'é日語', 'aé語𝓗']) {
      for (let round = 0; round < 6; round++) {
        const word = randomText(random, [...letters], 2500 + random(3000))
        const chars = toByteChars(word)
        chars[chars.length - 1] += '</w>'
        const all = mergePieces(chars, ranks).map(piece => ids[piece])
        expect(tokenizer.encode(word)).toEqual([bos, ...all.slice(0, 75), eos])
      }
    }
  })

  test('the first ids of a part are those of the whole', () => {
    const random = randomOf(6)
    const idsOf = (pieces: string[]): number[] => mergePieces(pieces, ranks).map(piece => ids[piece]!)
    for (let round = 0; round < 60; round++) {
      const pieces = [...randomText(random, [...'thean'], 400)]
      const all = idsOf(pieces)
      const first = encodePrefix(pieces.length, 12, 10, end => idsOf(pieces.slice(0, end)), () => all)
      expect(first.length).toBeGreaterThanOrEqual(10)
      expect(first).toEqual(all.slice(0, first.length))
    }
  })

  test.each(textCleanings)('a megabyte is no trouble: %s', cleaning => {
    const tokenizer = createTokenizer(tiny, { contextLength: 77, cleaning })
    const texts = [
      'a'.repeat(1e6),
      'the cat '.repeat(125_000),
      ' '.repeat(1e6),
      '!'.repeat(1e6),
      '🙂'.repeat(5e5),
      '日本語\n'.repeat(2e5),
      '&amp;'.repeat(2e5),
      'e' + '\u0301'.repeat(5e5),
    ]
    for (const text of texts) {
      expect(tokenizer.encode(text).length).toBeLessThanOrEqual(77) // quadratic work would not end within the timeout
    }
    const head = 'one cat, two dogs & three birds. '.repeat(10)
    expect(tokenizer.encode(`${head}\n${'x'.repeat(1e6)}`)).toEqual(tokenizer.encode(head))
  })
})

describe('laziness', () => {
  test('making a tokenizer asks for nothing, its first use asks once', () => {
    let calls = 0
    const tokenizer = createTokenizer(() => {
      calls++
      return tiny
    }, { contextLength: 77 })
    expect([tokenizer.contextLength, calls]).toEqual([77, 0])
    tokenizer.encode('a')
    tokenizer.encode('b')
    expect([tokenizer.tokenCount, calls]).toEqual([1714, 1])
  })

  test('a broken source fails at first use, and again', () => {
    const tokenizer = createTokenizer({ json: '{' }, { contextLength: 77 })
    for (let i = 0; i < 2; i++) expect(codeOf(() => tokenizer.encode('a'))).toBe('ERR_CLIP_TOKENIZER_INVALID')
  })
})

test('importing does not load what encodes', () => {
  // in a process of its own: jest has its own module registry
  const built = resolve(__dirname, '../../dist/tokenizer/tokenizer.js')
  const script = `require(${JSON.stringify(built)})
    console.log(Object.keys(require.cache).some((path) => path.includes('tokenizer/build')))`
  expect(execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' }).trim()).toBe('false')
})

test('bytes and their printable characters', () => {
  const all = Array.from({ length: 0x2ff }, (_, code) => String.fromCodePoint(code)).join('') + '🙂'
  expect(fromByteChars(toByteChars(all).join(''))).toBe(all)
  expect(toByteChars(' é')).toEqual(['Ġ', 'Ã', '©'])
})

test('a token that no two pieces give is no merge', () => {
  const tokens = ['a', 'b', 'c', 'ab', 'abcab', 'abc']
  const ids = new Map(tokens.map((token, id) => [token, id]))
  const { splitOf } = impliedMerges(tokens, token => ids.get(token), () => false)
  expect(tokens.map((_, id) => splitOf(id))).toEqual([0, 0, 0, 1, 0, 2])
})
