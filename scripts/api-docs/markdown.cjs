// Writes the pages: an entry has a heading, its signature, its text, its options or fields as a table, and its example.
'use strict'

const { joinLines, splitDefault } = require('./doc-comment.cjs')

const slug = heading => heading.toLowerCase().replace(/[^\w\- ]/g, '').replace(/ /g, '-')
const summary = text => /^[\s\S]*?[.:?](?=\s|$)/.exec(joinLines(text))?.[0].replace(/:$/, '.') ?? ''

class Writer {
  /** @param {Map<string, string>} pageOf page by name of an export or member @param {object[]} items by name */
  constructor(pageOf, items, errors) {
    this.pageOf = pageOf
    this.items = items
    this.errors = errors
    this.page = ''
  }

  link(name, text = `\`${name}\``) {
    return `[${text}](${this.pageOf.get(name) === this.page ? '' : this.pageOf.get(name)}#${slug(name)})`
  }

  /** Names in braces and error codes become links. */
  prose(text) {
    return text
      .replace(/\{@link ([^}]+)\}/g, (_, name) => {
        const target = [name, name.replace(/^[A-Z]\w*\./, owner => owner[0].toLowerCase() + owner.slice(1)),
          name.split('.')[0]].find(one => this.pageOf.has(one))
        return target === undefined ? `\`${name}\`` : this.link(target, `\`${name}\``)
      })
      .replace(
        /`?\b(ERR_CLIP_[A-Z0-9_]*[A-Z])\b(?!_?\*)`?/g,
        (_, code) => `[\`${code}\`](../errors.md#${code.toLowerCase()})`,
      )
      .replace(/`?\b(ERR_CLIP_[A-Z0-9_]*_\*)`?/g, (_, codes) => `[\`${codes}\`](../errors.md)`)
      .replace(/\bdocs\/([\w-]+\.md)/g, (_, file) => `[${file}](../${file})`)
  }

  /** A type in a table: code, in which every name of this reference is a link. */
  type(text) {
    const parts = text.split(/\b([A-Z]\w*)\b/).filter(part => part !== '')
    const pieces = []
    for (const part of parts) {
      if (this.pageOf.has(part)) pieces.push(this.link(part))
      else if (pieces.length > 0 && !pieces.at(-1).startsWith('[')) pieces.push(pieces.pop() + part)
      else pieces.push(part)
    }
    return pieces.map(piece => (piece.startsWith('[`') ? piece : `\`${piece.trim()}\``)).join(' ')
  }

  cell(text) {
    return text.replace(/\|/g, '\\|')
  }

  throws(lines) {
    const clauses = lines.map(line =>
      this.prose(
        line.replace(/\{([\w|]+)\}\s*/g, (_, names) => `${names.split('|').map(name => `\`${name}\``).join(' or ')}: `),
      )
    )
    return clauses.length > 0 ? [`**Throws** ${clauses.join('; ')}${/[.:]$/.test(clauses.at(-1)) ? '' : '.'}`] : []
  }

  examples({ examples }) {
    return examples.map(example => `\`\`\`js\n${example}\n\`\`\``)
  }

  /** Links to types of this reference that the text names. */
  seeAlso(text, own) {
    const names = [...new Set(text.match(/\b[A-Z]\w*\b/g))].filter(name => this.pageOf.has(name) && name !== own)
    return names.length > 0 ? [`See ${names.map(name => this.link(name)).join(', ')}.`] : []
  }

  code(text) {
    return `\`\`\`ts\n${text}\n\`\`\``
  }

  callable({ name, doc, signatures }, level) {
    return [
      `${level} ${name}`,
      this.code(signatures.join('\n')),
      this.prose(doc.text),
      [...doc.params].map(([parameter, meaning]) => `- \`${parameter}\`: ${this.prose(meaning)}`).join('\n'),
      ...(doc.returns ? [`**Returns** ${this.prose(doc.returns)}${/[.:]$/.test(doc.returns) ? '' : '.'}`] : []),
      ...this.throws(doc.throws),
      ...this.examples(doc),
      ...this.seeAlso(signatures.join(' '), name.split('.')[0]),
    ]
  }

  property({ name, doc, text }, level) {
    return [`${level} ${name}`, this.code(text), this.prose(doc.text), ...this.examples(doc), ...this.seeAlso(text)]
  }

  /** `elsewhere`: members with an entry of their own on some page. */
  class({ name, doc, members, module }, level) {
    const own = members.filter(member => !this.items.has(member.name))
    const elsewhere = members.filter(member => this.items.has(member.name))
    return [
      `${level} ${name}`,
      this.code(`import { ${name} } from '${module}'`),
      this.prose(doc.text),
      ...this.examples(doc),
      ...(elsewhere.length > 0 ? [`Members: ${elsewhere.map(member => this.link(member.name)).join(', ')}.`] : []),
      ...own.flatMap(
        member => (member.kind === 'method' ? this.callable(member, `${level}#`) : this.property(member, `${level}#`)),
      ),
    ]
  }

  interface(item, level) {
    const { name, doc, fields, inherited } = item
    const isOptions = fields.some(field => field.isOptional && splitDefault(field.doc.text).fallback !== '')
    const head = isOptions
      ? '| option | type | default | meaning |\n|---|---|---|---|'
      : '| field | type | meaning |\n|---|---|---|'
    const rows = fields.map(field => {
      const { meaning, fallback } = isOptions
        ? splitDefault(field.doc.text)
        : { meaning: joinLines(field.doc.text), fallback: '' }
      const shown = [`\`${field.name}${field.isOptional && !isOptions ? '?' : ''}\``, this.type(field.type),
        this.prose(meaning)]
      if (isOptions) shown.splice(2, 0, this.prose(fallback) || (field.isOptional ? '' : 'required'))
      return `| ${shown.map(one => this.cell(one)).join(' | ')} |`
    })
    const others = [...inherited].map(([base, names]) =>
      `- of ${this.link(base)}: ${names.map(one => `\`${one}\``).join(', ')}`
    )
    return [
      `${level} ${name}`,
      this.prose(doc.text),
      ...(rows.length > 0 ? [`${head}\n${rows.join('\n')}`] : []),
      ...(others.length > 0 ? [`Also:\n\n${others.join('\n')}`] : []),
      ...this.examples(doc),
      ...this.usedBy(name),
    ]
  }

  constant({ name, doc, text }, level) {
    return [`${level} ${name}`, this.prose(doc.text),
      this.code(text.length > 200 ? text.replace(/\['.*'\]/, 'string[]') : text), ...this.examples(doc),
      ...this.seeAlso(text, name)]
  }

  alias({ name, doc, text }, level) {
    return [`${level} ${name}`, this.prose(doc.text), this.code(text), ...this.examples(doc),
      ...this.seeAlso(text, name), ...this.usedBy(name)]
  }

  /** The calls and types that use it. */
  usedBy(name) {
    const names = [...this.items.values()].filter(item =>
      item.name !== name && new RegExp(`\\b${name}\\b`).test(textOf(item))
    ).map(item => item.name)
    return names.length > 0 ? [`Used by ${names.map(one => this.link(one)).join(', ')}.`] : []
  }

  item(item, level = '##') {
    if (item.kind === 'function' || item.kind === 'method') return this.callable(item, level)
    if (item.kind === 'property') return this.property(item, level)
    if (item.kind === 'class') return this.class(item, level)
    if (item.kind === 'interface') return this.interface(item, level)
    return item.kind === 'constant' ? this.constant(item, level) : this.alias(item, level)
  }

  pageText({ file, title, intro, prelude, names, listsCodes }) {
    this.page = file
    const blocks = [
      `# ${title}`,
      `[All of the API](README.md)`,
      intro,
      `The examples begin with:\n\n\`\`\`js\n${prelude}\`\`\``,
      ...names.flatMap(name => this.item(this.items.get(name))),
      ...(listsCodes ? [this.codeTable()] : []),
    ]
    return `${blocks.filter(block => block !== '').join('\n\n')}\n`
  }

  codeTable() {
    const rows = this.errors.map(({ code, type, when }) =>
      `| [\`${code}\`](../errors.md#${code.toLowerCase()}) | \`${type}\` | ${this.cell(when)} |`
    )
    return `### All codes\n\n| code | class | when |\n|---|---|---|\n${rows.join('\n')}`
  }

  index(pages) {
    this.page = 'README.md'
    const sections = pages.map(({ file, title, names }) => {
      const rows = names.map(name => `- ${this.link(name)}${describe(this, this.items.get(name))}`)
      return `## [${title}](${file})\n\n${rows.join('\n')}`
    })
    return `# API\n\n${
      [
        'Every export of `ggclip`, made from the sources by `npm run docs`; the examples run in the tests. Start with',
        '[loading](loading.md), then [encoding](encoding.md) or [classifying](classifying.md). The pictures of the examples come',
        'with the package: `cp -r node_modules/ggclip/models .`',
      ].join('\n')
    }\n\nTimes are milliseconds, sizes bytes, lengths of pictures pixels, unless a line says otherwise.\n\n${
      sections.join('\n\n')
    }\n`
  }
}

const describe = (writer, { doc }) => (doc.text === '' ? '' : `: ${writer.prose(summary(doc.text))}`)

/** The types of an entry as text. */
function textOf({ signatures = [], text = '', fields = [] }) {
  return [...signatures, text, ...fields.map(field => field.type)].join(' ')
}

module.exports = { Writer }
