// The files of CLIP's tokenizer from its list of merges: all of them, or the first few for the small models.
'use strict'

const starts = '<|startoftext|>'
const ends = '<|endoftext|>'

/** A letter for each byte, in the order of the vocabulary: printable ones stand for themselves. */
function byteLetters() {
  const range = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => from + i)
  const printable = [...range(33, 126), ...range(161, 172), ...range(174, 255)]
  const others = range(0, 255).filter(byte => !printable.includes(byte))
  return [...printable, ...others.map((_, i) => 256 + i)].map(code => String.fromCodePoint(code))
}

/** @param {string[]} merges lines of merges.txt without its head */
function tokensOf(merges) {
  const letters = byteLetters()
  return [...letters, ...letters.map(letter => `${letter}</w>`), ...merges.map(pair => pair.replace(' ', '')), starts,
    ends]
}

/** JSON by hand: an object of JavaScript would put the tokens that are numbers first. */
const vocabJson = tokens => `{${tokens.map((token, id) => `${JSON.stringify(token)}:${id}`).join(',')}}`
const mergesTxt = merges => `#version: 0.2\n${merges.join('\n')}\n`

/**
 * @param {string} template tokenizer.json without vocabulary and merges
 * @param {string} pad the padding token, which is special, too
 */
function tokenizerJson(template, merges, pad) {
  const tokens = tokensOf(merges)
  const special = [...new Set([pad, starts, ends])]
  const added = special.map(content => ({
    id: tokens.indexOf(content),
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  })).sort((a, b) => a.id - b.id)
  const whole = JSON.parse(template)
  whole.added_tokens = added
  whole.post_processor.sep[1] = tokens.indexOf(ends)
  whole.post_processor.cls[1] = tokens.indexOf(starts)
  return JSON.stringify(whole).replace(
    '"vocab":{},"merges":[]',
    () => `"vocab":${vocabJson(tokens)},"merges":${JSON.stringify(merges.map(pair => pair.split(' ')))}`,
  )
}

module.exports = { mergesTxt, tokenizerJson, tokensOf, vocabJson }
