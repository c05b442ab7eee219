/**
 * A configuration file as text becomes a tree: YAML 1.2 with the core schema, and references to variables replaced in it
 * (OpenTelemetry specification, "Configuration Data Model").
 *
 * Aliases share what they name, so that a document cannot make more of itself than stands in it.
 */
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Scalar as YamlScalar } from 'yaml'
import { substitute } from './substitute'

/** A file that cannot be used at all. The message is a clause without any text of the file. */
export class Unusable extends Error {}

/** A value as it was written and as the core schema reads it. */
export interface Scalar {
  /** Empty for null. */
  readonly text: string
  readonly value: string | number | boolean | null
}

export type Tree = Scalar | readonly Tree[] | ReadonlyMap<string, Tree>

/** No configuration is so deep; a parser that recurses has an end, too. */
const MAX_DEPTH = 50

/**
 * @param read the value of a variable that the text refers to, undefined when it is not set
 */
export function parseText(text: string, read: (variable: string) => string | undefined): Tree {
  const lines = new LineCounter()
  const document = parseDocument(text, {
    version: '1.2',
    schema: 'core',
    prettyErrors: false,
    // Looks at every pair for every pair.
    uniqueKeys: false,
    lineCounter: lines,
    // Silent, it would keep silent about a second document.
    logLevel: 'error',
  })
  const [error] = document.errors
  if (error !== undefined) throw new Unusable(`${at(lines, error.pos[0])}: ${withoutText(error.message)}`)
  return new Reader(lines, read).read(document.contents, 0)
}

function at(lines: LineCounter, offset: number): string {
  const { line, col } = lines.linePos(offset)
  return `line ${line}, column ${col}`
}

/** The words of the parser, without what it quotes. */
function withoutText(message: string): string {
  return message.replace(/["'`:](?:.|\n)*$/, '').trim() || 'a syntax error'
}

class Reader {
  private readonly anchors = new Map<string, Tree>()

  constructor(
    private readonly lines: LineCounter,
    private readonly variable: (name: string) => string | undefined,
  ) {}

  read(node: unknown, depth: number): Tree {
    if (depth > MAX_DEPTH) throw new Unusable(`it is nested more than ${MAX_DEPTH} levels deep`)
    if (isAlias(node)) {
      const named = this.anchors.get(node.source)
      if (named === undefined) throw new Unusable(`${this.where(node)}: an alias without an anchor before it`)
      return named
    }
    const tree = isMap(node)
      ? this.mapping(node.items, depth)
      : isSeq(node)
        ? node.items.map(item => this.read(item, depth + 1))
        : this.scalar(node)
    const anchor = (node as { anchor?: string } | null)?.anchor
    if (anchor !== undefined) this.anchors.set(anchor, tree)
    return tree
  }

  /** Keys as they are written: references to variables are not replaced in them. */
  private mapping(pairs: readonly { key: unknown; value: unknown }[], depth: number): Map<string, Tree> {
    const map = new Map<string, Tree>()
    const merged: Tree[] = []
    for (const { key, value } of pairs) {
      if (!isScalar(key)) throw new Unusable(`${this.where(key)}: a key that is no text`)
      const name = String(key.source ?? key.value ?? '')
      const tree = this.read(value, depth + 1)
      if (name === '<<' && key.type === 'PLAIN') merged.push(...(Array.isArray(tree) ? tree : [tree]))
      else if (map.has(name)) throw new Unusable(`${this.where(key)}: a key that is there already`)
      else map.set(name, tree)
    }
    for (const each of merged) {
      if (!(each instanceof Map)) continue
      for (const [name, tree] of each) if (!map.has(name)) map.set(name, tree)
    }
    return map
  }

  private scalar(node: unknown): Scalar {
    if (!isScalar(node)) return NULL
    const written = textOf(node)
    const text = substitute(written, this.variable)
    if (text === undefined) {
      const expected = `\${NAME}, \${env:NAME} or \${NAME:-default}, and $$ for a $ that is none`
      throw new Unusable(`${this.where(node)}: a reference to a variable that is malformed, expected ${expected}`)
    }
    if (node.type !== 'PLAIN' || node.tag !== undefined) return { text, value: text }
    return text === written ? resolved(text, node.value) : resolved(text, core(text))
  }

  private where(node: unknown): string {
    return at(this.lines, (node as { range?: [number, number, number] } | null)?.range?.[0] ?? 0)
  }
}

const NULL: Scalar = { text: '', value: null }

function textOf({ source, value }: YamlScalar): string {
  if (typeof value === 'string') return value
  return source ?? (value === null || value === undefined ? '' : String(value))
}

function resolved(text: string, value: unknown): Scalar {
  if (value === null || value === undefined) return NULL
  const isKnown = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
  return { text, value: isKnown ? value : text }
}

/** A plain scalar by the core schema (YAML 1.2.2, section 10.3.2). */
function core(text: string): Scalar['value'] {
  if (/^(?:|~|null|Null|NULL)$/.test(text)) return null
  if (/^(?:true|True|TRUE)$/.test(text)) return true
  if (/^(?:false|False|FALSE)$/.test(text)) return false
  if (/^[-+]?\d+$|^0o[0-7]+$|^0x[\da-fA-F]+$/.test(text)) return Number(text)
  if (/^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/.test(text)) return Number(text)
  if (/^[-+]?\.(?:inf|Inf|INF)$/.test(text)) return text.startsWith('-') ? -Infinity : Infinity
  return /^\.(?:nan|NaN|NAN)$/.test(text) ? Number.NaN : text
}
