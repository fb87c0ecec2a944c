// Splits a doc comment: text, parameters, results and exceptions, examples; for an option also its default.
'use strict'

/** @param {string} raw with its stars @returns {{ text: string, params: Map<string, string>, returns: string, throws: string[], examples: string[], internal: boolean }} */
function parseComment(raw) {
  const body = raw.replace(/^\/\*\*|\*\/$/g, '').split('\n').map(line => line.replace(/^\s*\* ?/, '')).join('\n').trim()
  const [text, ...tags] = `\n${body}`.split(/\n(?=@\w+)/)
  const doc = { text: text.trim(), params: new Map(), returns: '', throws: [], examples: [], internal: false }
  for (const tag of tags) {
    const [, word, rest] = /^@(\w+)\s*([\s\S]*)$/.exec(tag)
    if (word === 'param') {
      const [, name, meaning] = /^(\w+)\s+([\s\S]*)$/.exec(rest.trim())
      doc.params.set(name, joinLines(meaning))
    } else if (word === 'returns') doc.returns = joinLines(rest)
    else if (word === 'throws') doc.throws.push(joinLines(rest))
    else if (word === 'example') doc.examples.push(rest.trimEnd())
    else if (word === 'internal') doc.internal = true
    else throw new Error(`unknown tag @${word} in: ${body.slice(0, 80)}`)
  }
  return doc
}

/** Joins the wrapped lines of a paragraph. */
const joinLines = text => text.trim().replace(/\s*\n\s*/g, ' ')

/** Overloads share one page entry with the texts of all of them. */
function mergeDocs(docs) {
  const [first, ...others] = docs
  for (const { params, returns, throws, examples } of others) {
    for (const [name, meaning] of params) if (!first.params.has(name)) first.params.set(name, meaning)
    if (returns && returns !== first.returns) first.returns = [first.returns, returns].filter(Boolean).join(' ')
    first.throws.push(...throws)
    first.examples.push(...examples)
  }
  return first
}

/** "Most calls. Default 32." -> meaning and default; the sentence that begins with "Default" says it. */
function splitDefault(text) {
  const found = /(?:^|(?<=[.!?\n]\s*))Default:?\s+([\s\S]*?)\.(?=\s|$)/.exec(text)
  if (!found) return { meaning: joinLines(text), fallback: '' }
  const meaning = text.slice(0, found.index) + text.slice(found.index + found[0].length)
  return { meaning: joinLines(meaning), fallback: joinLines(found[1]) }
}

module.exports = { parseComment, mergeDocs, splitDefault, joinLines }
