/** Decoders of tokenizer.json against the tokenizers library 0.23.3, whose results test/fixtures/tokenizer/decoders.json holds. */
import { makeDecoder } from '../../lib/tokenizer/stages/decoder'

interface Case {
  part: { type: string }
  tokens: string[]
  text: string
}
const cases = require('../fixtures/tokenizer/decoders.json') as Case[]

it.each(cases.map(one => [one.part.type, one.tokens.join('|'), one] as const))(
  '%s decodes %s as the library does',
  (_type, _tokens, { part, tokens, text }) => expect(makeDecoder(part)(tokens).join('')).toBe(text),
)

it('refuses a decoder that it does not know', () => {
  expect(() => makeDecoder({ type: 'Sequence', decoders: [{ type: 'Fuse' }, { type: 'CTC' }] })).toThrow(
    /decoder\.decoders\[1\]\.type/,
  )
})
