/** Immich sends the language of the user; NLLB's models are told it, others are not. */
import path from 'node:path'

import { Clip } from '../../../lib/index.js'
import { languageFor } from '../../../lib/server/dialects/languages'
import { cache } from '../../helpers/oracle'
import { form, start } from '../support'

const source = path.join(cache, 'drawn', 'nllb')
const modelName = 'nllb-clip-base-siglip__v1'

test('the text is read in that language', async () => {
  const server = await start({ models: { [modelName]: { source, threads: 1 } } })
  await using clip = await Clip.load(source, { threads: 1 })
  const predict = async (options: object | undefined): Promise<number[]> => {
    const entries = JSON.stringify({ clip: { textual: { modelName, options } } })
    const { status, body } = await form(server, '/predict', [['entries', entries], ['text', 'ein Hund']])
    expect(status).toBe(200)
    return JSON.parse(body.clip as string) as number[]
  }
  const german = Array.from(await clip.encodeText('ein Hund', { language: 'deu_Latn' }))
  const english = Array.from(await clip.encodeText('ein Hund'))
  expect(german).not.toEqual(english)
  for (const language of ['de', 'de-DE', 'de_AT']) expect(await predict({ language })).toEqual(german)
  for (const options of [undefined, {}, { language: null }, { language: 'en-GB' }, { language: 'x' }])
    expect(await predict(options)).toEqual(english)
  const wrong = JSON.stringify({ clip: { textual: { modelName, options: { language: 5 } } } })
  expect(await form(server, '/predict', [['entries', wrong], ['text', 'a']])).toMatchObject({
    status: 422,
    body: { code: 'ERR_CLIP_INVALID_ARGUMENT', detail: expect.stringContaining('language') as string },
  })
})

describe('codes', () => {
  const knowing = (known: (code: string) => boolean) => ({
    tokenize: (_: unknown, { language = '' }: { language?: string } = {}): Int32Array => {
      if (!known(language)) throw new RangeError(language)
      return new Int32Array(0)
    },
  })

  test.each([
    ['de', 'deu_Latn'],
    ['pt-BR', 'por_Latn'],
    ['nb-NO', 'nob_Latn'],
    ['sr-Cyrl', 'srp_Cyrl'],
    ['zh-CN', 'zho_Hans'],
    ['zh_Hans', 'zho_Hans'],
    ['zh-TW', 'zho_Hant'],
    ['zh_Hant', 'zho_Hant'],
    ['ja', 'jpn_Jpan'],
    ['tlh', 'eng_Latn'],
    ['', 'eng_Latn'],
    ['no such tag', 'eng_Latn'],
  ])("'%s' is %s", (language, code) => {
    expect(languageFor(knowing(() => true), language)).toBe(code)
  })

  test('a model without languages, and one without this language', () => {
    expect(languageFor(knowing(() => false), 'de')).toBeUndefined()
    expect(languageFor(knowing(code => code === 'eng_Latn'), 'de')).toBe('eng_Latn')
    expect(languageFor(knowing(() => true), undefined)).toBeUndefined()
  })
})
