import { addGiven, type Given, type GivenValues, type Notice, refuse } from './given.ts'
import type { ScalarType } from './kinds.ts'
import { nearestName } from './nearest.ts'
import { ignoredSettings, type SettingKey, settingRows } from './options.ts'
import { type Setting, yamlKey, yamlKeysOf } from './setting.ts'
import { isMap, isPair, isScalar, isSeq } from './yaml.ts'
import { describe, isNothing, openYaml, scalarType, textOf, type YamlSource } from './yaml-source.ts'

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
  const yaml = openYaml(source, fileName, refuse)
  const reading: Reading = { ...yaml, values: new Map(), notices: [] }
  readSection(reading, yaml.root, '')
  return { values: reading.values, notices: reading.notices }
}

interface Reading extends YamlSource {
  readonly values: GivenValues
  readonly notices: Notice[]
}

function readSection(reading: Reading, given: unknown, section: string): void {
  const node = reading.follow(given)
  // A section whose keys are all commented out is null.
  if (isNothing(node)) return
  if (!isMap(node)) {
    refuse(
      `${reading.placeOf(given)}: ${section || 'the file'} must hold keys and values, not ${describe(node)}`,
    )
  }
  const seen = new Set<string>()
  for (const pair of node.items) {
    if (!isPair(pair)) continue
    const place = reading.placeOf(pair.key)
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
  const node = reading.follow(pair.value)
  const { kind } = leaf.row
  const wrong = (what: string, item: unknown = pair.value): never =>
    refuse(`${item ? reading.placeOf(item) : place}: ${key} must be ${kind.expects}, not ${what}`)
  const scalarText = (item: unknown): string => {
    const scalar = reading.follow(item)
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

function unknownKey(key: string): string {
  const suggestion = nearestName(key, VALUE_KEYS)
  const asked = key.includes('.') && MEANINGS.has(key) ? ' written with dots (nest it instead)' : ''
  if (asked) return `${key} is${asked}`
  return `${key} is not a setting${suggestion ? `, did you mean ${suggestion}?` : '; see docs/configuration.md'}`
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
