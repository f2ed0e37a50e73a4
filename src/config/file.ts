import {
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Scalar,
} from 'yaml'
import { addGiven, type Given, type GivenValues, type Notice, refuse } from './given.ts'
import type { ScalarType } from './kinds.ts'
import { nearestName } from './nearest.ts'
import { ignoredSettings, type SettingKey, settingRows } from './options.ts'
import { type Setting, yamlKey, yamlKeysOf } from './setting.ts'

interface Leaf {
  readonly key: SettingKey
  readonly row: Setting<unknown>
  readonly inFile: boolean
}

/** What a YAML key stands for: a mapping of further keys, a setting, or a name without effect. */
type Meaning = 'section' | Leaf | { readonly ignoredBecause: string }

const MEANINGS = listMeanings()

/** Every key that may hold a value, for suggestions. */
const VALUE_KEYS = [...MEANINGS].filter(([, meaning]) => meaning !== 'section').map(([key]) => key)

/**
 * Reads a configuration file. Throws PGR_SETTING_INVALID with line and column for anything that is not a known key with
 * a plain value, and for a key that stands twice.
 */
export function readSettingsFile(
  source: string,
  fileName: string,
): { values: GivenValues; notices: Notice[] } {
  const lines = new LineCounter()
  const document = parseDocument(source, { lineCounter: lines, prettyErrors: false, uniqueKeys: false })
  const reading: Reading = {
    document,
    place: (offset) => {
      const { line, col } = lines.linePos(offset ?? 0)
      return `${fileName}:${line}:${col}`
    },
    values: new Map(),
    notices: [],
  }
  const problem = document.errors[0] ?? document.warnings[0]
  if (problem) refuse(`${reading.place(problem.pos[0])}: ${firstLine(problem.message)}`)
  readSection(reading, document.contents, '')
  return { values: reading.values, notices: reading.notices }
}

interface Reading {
  readonly document: Document
  place(offset: number | undefined): string
  readonly values: GivenValues
  readonly notices: Notice[]
}

function readSection(reading: Reading, given: unknown, section: string): void {
  const node = follow(reading, given)
  // A section whose keys are all commented out is null.
  if (node === null || node === undefined || (isScalar(node) && node.value === null)) return
  if (!isMap(node)) {
    refuse(
      `${placeOf(reading, given)}: ${section || 'the file'} must hold keys and values, not ${describe(node)}`,
    )
  }
  const seen = new Set<string>()
  for (const pair of node.items) {
    if (!isPair(pair)) continue
    const place = placeOf(reading, pair.key)
    const name = isScalar(pair.key) ? String(pair.key.value) : describe(pair.key)
    const key = section === '' ? name : `${section}.${name}`
    if (seen.has(name)) refuse(`${place}: ${key} stands twice`)
    seen.add(name)
    const meaning = name.includes('.') ? undefined : MEANINGS.get(key)
    if (meaning === undefined) refuse(`${place}: ${unknownKey(key)}`)
    if (meaning === 'section') readSection(reading, pair.value, key)
    else if ('ignoredBecause' in meaning) {
      reading.notices.push({
        level: 'warn',
        message: `${place}: ${key} has no effect: ${meaning.ignoredBecause}`,
      })
    } else addGiven(reading.values, meaning.key, readLeaf(reading, { pair, key, place, leaf: meaning }))
  }
}

interface LeafPair {
  readonly pair: { readonly value: unknown }
  readonly key: string
  readonly place: string
  readonly leaf: Leaf
}

function readLeaf(reading: Reading, { pair, key, place, leaf }: LeafPair): Given {
  const node = follow(reading, pair.value)
  const { kind } = leaf.row
  const wrong = (what: string, item: unknown = pair.value): never =>
    refuse(`${item ? placeOf(reading, item) : place}: ${key} must be ${kind.expects}, not ${what}`)
  const scalarText = (item: unknown): string => {
    const scalar = follow(reading, item)
    if (!isScalar(scalar)) return wrong(describe(scalar), item)
    const type = scalarType(scalar)
    const allowed: readonly ScalarType[] = leaf.inFile ? ['text'] : kind.scalars
    if (type === undefined || !allowed.includes(type)) return wrong(describe(scalar), item)
    return textOf(scalar)
  }
  const isList = kind.list && isSeq(node)
  if (isList && node.items.length === 0) return wrong('an empty list')
  const text = isList ? node.items.map(scalarText).join(',') : scalarText(node)
  return { text, inFile: leaf.inFile, origin: { from: 'file', name: `${place}: ${key}` } }
}

/** Numbers keep the spelling of the file, so that a password `0123` stays what it is. */
function textOf(scalar: Scalar): string {
  return typeof scalar.value === 'string' ? scalar.value : (scalar.source ?? String(scalar.value))
}

function scalarType(scalar: Scalar): ScalarType | undefined {
  switch (typeof scalar.value) {
    case 'string':
      return 'text'
    case 'number':
    case 'bigint':
      return 'number'
    case 'boolean':
      return 'boolean'
    default:
      return undefined
  }
}

function follow(reading: Reading, node: unknown): unknown {
  return isAlias(node) ? node.resolve(reading.document) : node
}

function describe(node: unknown): string {
  if (isSeq(node)) return 'a list'
  if (isMap(node)) return 'a mapping'
  if (!isScalar(node) || node.value === null) return 'nothing'
  return typeof node.value === 'string' ? 'text' : `the ${scalarType(node) ?? 'value'} ${textOf(node)}`
}

function placeOf(reading: Reading, node: unknown): string {
  const range = isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? node.range : undefined
  return reading.place(range?.[0])
}

function unknownKey(key: string): string {
  const suggestion = nearestName(key, VALUE_KEYS)
  const asked = key.includes('.') && MEANINGS.has(key) ? ' written with dots (nest it instead)' : ''
  if (asked) return `${key} is${asked}`
  return `${key} is not a setting${suggestion ? `, did you mean ${suggestion}?` : '; see docs/configuration.md'}`
}

function firstLine(message: string): string {
  return message.split('\n', 1)[0] ?? message
}

function listMeanings(): ReadonlyMap<string, Meaning> {
  const meanings = new Map<string, Meaning>()
  const add = (key: string, meaning: Meaning) => {
    for (let dot = key.indexOf('.'); dot !== -1; dot = key.indexOf('.', dot + 1)) {
      meanings.set(key.slice(0, dot), 'section')
    }
    meanings.set(key, meaning)
  }
  for (const [key, row] of settingRows) {
    for (const name of yamlKeysOf(row)) {
      add(name, { key, row, inFile: false })
      if (row.secret) add(`${name}_file`, { key, row, inFile: true })
    }
  }
  for (const { flag, because } of ignoredSettings) add(yamlKey(flag), { ignoredBecause: because })
  return meanings
}
