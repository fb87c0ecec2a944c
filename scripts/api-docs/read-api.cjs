// Reads the exports of an entry of the package from its sources: names, signatures, members, doc comments.
'use strict'

const path = require('node:path')
const ts = require('typescript')
const { mergeDocs, parseComment } = require('./doc-comment.cjs')

const root = path.join(__dirname, '..', '..')

/**
 * @param {string[]} entries files below the root
 * @returns {Map<string, object>} by name: { name, module, kind, doc, ... }; what is marked @internal is left out
 */
function readApi(entries) {
  const { config } = ts.readConfigFile(path.join(root, 'tsconfig.build.json'), ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root)
  const program = ts.createProgram(entries.map(entry => path.join(root, entry.file)), options)
  const checker = program.getTypeChecker()
  const exported = new Map()
  for (const { file, module } of entries) {
    const source = program.getSourceFile(path.join(root, file))
    for (const symbol of checker.getExportsOfModule(checker.getSymbolAtLocation(source))) {
      const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
      if (!exported.has(symbol.name) && !isInternalExport(symbol)) exported.set(symbol.name, { symbol: target, module })
    }
  }
  const reader = new Reader(checker, new Set(exported.keys()))
  return new Map([...exported].map(([name, { symbol, module }]) => [name, { name, module, ...reader.read(symbol) }]))
}

/** `/** @internal *\/ export type { X } from ...`. */
function isInternalExport(symbol) {
  return (symbol.declarations ?? []).some(declaration => {
    const statement = ts.findAncestor(declaration, ts.isExportDeclaration)
    return statement !== undefined && commentsOf(statement).some(raw => raw.includes('@internal'))
  })
}

const commentsOf = node => (node.jsDoc ?? []).map(doc => doc.getText())

/** The doc comment right before a declaration. */
function docOf(node) {
  const holder = ts.isVariableDeclaration(node) ? node.parent.parent : node
  return parseComment(commentsOf(holder).at(-1) ?? '/** */')
}

const oneLine = text => text.replace(/\/\*\*[\s\S]*?\*\/\s*/g, '').replace(/\s*\n\s*/g, ' ')
const isHidden = node =>
  ts.isPrivateIdentifier(node.name ?? node)
  || (ts.getCombinedModifierFlags(node) & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected)) !== 0

class Reader {
  constructor(checker, names) {
    this.checker = checker
    this.names = names
  }

  read(symbol) {
    const declarations = symbol.declarations
    const [declaration] = declarations
    const doc = docOf(declaration)
    if (ts.isFunctionDeclaration(declaration)) return { kind: 'function', ...this.callable(declarations, symbol.name) }
    if (ts.isClassDeclaration(declaration))
      return { kind: 'class', doc, members: this.classMembers(declaration, symbol) }
    if (ts.isInterfaceDeclaration(declaration))
      return { kind: 'interface', doc, ...this.fields(symbol), head: this.interfaceHead(declaration) }
    if (ts.isTypeAliasDeclaration(declaration)) return { kind: 'type', doc, text: this.aliasText(declaration) }
    if (ts.isVariableDeclaration(declaration))
      return { kind: 'constant', doc, text: `const ${symbol.name}: ${this.typeOf(symbol, declaration)}` }
    throw new Error(`${symbol.name}: ${ts.SyntaxKind[declaration.kind]} is new to the API reference`)
  }

  /** Overloads if there are some, else the function itself; `prefix`: how it is called. */
  callable(declarations, prefix) {
    const overloads = declarations.filter(declaration => !declaration.body)
    const shown = overloads.length > 0 ? overloads : declarations
    return { doc: mergeDocs(shown.map(docOf)), signatures: shown.map(node => this.signature(node, prefix)) }
  }

  signature(node, prefix) {
    const parameters = node.parameters.map(parameter => oneLine(parameter.getText())).join(', ')
    const generics = node.typeParameters ? `<${node.typeParameters.map(one => one.getText()).join(', ')}>` : ''
    const result = node.type ?
      oneLine(node.type.getText())
      : this.checker.typeToString(this.checker.getReturnTypeOfSignature(this.checker.getSignatureFromDeclaration(node)))
    return `${prefix}${generics}(${parameters})${ts.isConstructorDeclaration(node) ? '' : `: ${result}`}`
  }

  /** Public members: { name, isStatic, kind, doc, signatures | text }. `name`: `Clip.load`, `clip.encodeImage`. */
  classMembers(declaration, symbol) {
    const instance = symbol.name[0].toLowerCase() + symbol.name.slice(1)
    const groups = new Map()
    for (const member of declaration.members) {
      if (
        ts.isConstructorDeclaration(member)
          ? isHidden({ ...member, name: member }) || member.modifiers?.length
          : isHidden(member)
      ) continue
      if (docOf(member).internal) continue
      const isStatic = (ts.getCombinedModifierFlags(member) & ts.ModifierFlags.Static) !== 0
      const own = ts.isConstructorDeclaration(member) ?
        `new ${symbol.name}`
        : ts.isComputedPropertyName(member.name)
        ? `${instance}${member.name.getText()}`
        : `${isStatic ? symbol.name : instance}.${member.name.getText()}`
      groups.set(own, [...groups.get(own) ?? [], member])
    }
    return [...groups].map(([name, nodes]) => {
      if (ts.isPropertyDeclaration(nodes[0]) || ts.isGetAccessor(nodes[0]))
        return { name, kind: 'property', doc: docOf(nodes[0]), text: `${name}: ${this.fieldType(nodes[0])}` }
      return { name, kind: 'method', ...this.callable(nodes, name) }
    })
  }

  interfaceHead(declaration) {
    const bases = (declaration.heritageClauses ?? []).flatMap(clause => clause.types.map(type => type.getText()))
    return bases.filter(base => base.split(/\W+/).some(word => this.names.has(word)))
  }

  /** Fields of an interface: its own, and those of bases that have no page; `inherited`: names by the exported base. */
  fields(symbol) {
    const fields = []
    const inherited = new Map()
    for (const property of this.checker.getPropertiesOfType(this.checker.getDeclaredTypeOfSymbol(symbol))) {
      const node = property.valueDeclaration ?? property.declarations?.[0]
      const owner = node.parent.name?.text
      if (owner !== symbol.name && this.names.has(owner))
        inherited.set(owner, [...inherited.get(owner) ?? [], property.name])
      else fields.push(...this.field(property, node, ''))
    }
    return { fields, inherited }
  }

  /** A field, and below it those of an object that has no name of its own: `vision`, `vision.width`, ... */
  field(property, node, prefix) {
    const type = this.checker.getNonNullableType(this.checker.getTypeOfSymbol(property))
    const nested = this.isAnonymous(type, node) ? this.checker.getPropertiesOfType(type) : []
    const isNullable = /\|\s*null\b/.test(this.checker.typeToString(this.checker.getTypeOfSymbol(property)))
    const own = {
      name: prefix + property.name,
      doc: docOf(node),
      isOptional: (property.flags & ts.SymbolFlags.Optional) !== 0,
      type: nested.length > 0 ? `object${isNullable ? ' | null' : ''}` : this.fieldType(node),
      isFunction: type.getCallSignatures().length > 0,
    }
    return [own,
      ...nested.flatMap(one =>
        this.field(one, one.valueDeclaration ?? one.declarations[0], `${prefix}${property.name}.`)
      )]
  }

  isAnonymous(type, node) {
    if (
      !node.type || type.getCallSignatures().length > 0 ||
      !(type.flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection))
    ) return false
    if (
      this.checker.isArrayType(type) || this.checker.isTupleType(type) ||
      this.checker.getIndexInfosOfType(type).length > 0
    ) return false
    const names = type.flags & ts.TypeFlags.Intersection ? ['__type'] : [type.aliasSymbol?.name ?? type.symbol?.name]
    return names.every(name =>
      name === '__type' || (!this.names.has(name) && /^Native|^DurationStats$/.test(name ?? ''))
    )
  }

  fieldType(node) {
    if (!node.type) return this.typeOf(node.symbol, node)
    const text = oneLine(node.type.getText())
    return /\btypeof\b|\bNative\w+/.test(text) ? this.typeOf(node.symbol, node) : text
  }

  typeOf(symbol, node) {
    const flags = ts.TypeFormatFlags.NoTruncation | ts.TypeFormatFlags.UseSingleQuotesForStringLiteralType
    return this.checker.typeToString(
      this.checker.getNonNullableType(this.checker.getTypeOfSymbolAtLocation(symbol, node)),
      node,
      flags,
    )
  }

  /** As written in the source; computed types are expanded. */
  aliasText(node) {
    const generics = node.typeParameters ? `<${node.typeParameters.map(one => one.getText()).join(', ')}>` : ''
    const head = `type ${node.name.text}${generics} =`
    if (!/\btypeof\b/.test(node.type.getText())) return `${head} ${node.type.getText()}`
    const type = this.checker.getTypeAtLocation(node.name)
    return `${head}\n${type.types.map(one => `  | '${one.value}'`).join('\n')}`
  }
}

module.exports = { readApi }
