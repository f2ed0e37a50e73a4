import { PgrError } from '../../errors/pgr-error.ts'
import { nearestName } from '../nearest.ts'
import { isMap, isPair, isScalar, isSeq } from '../yaml.ts'
import { describe, isNothing, scalarType, textOf, type YamlSource } from '../yaml-source.ts'

export function refuseWeb(message: string, cause?: unknown): never {
  throw new PgrError('PGR_WEB_CONFIG_INVALID', message, cause === undefined ? {} : { cause })
}

/** What a message quotes of a file. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)
}

/** What stands at a key. */
export interface Value {
  readonly node: unknown
  /** Of the key. */
  readonly place: string
}

/** A reading of typed values; each returns undefined for a key that is not there. */
export interface Reading extends YamlSource {
  /** A mapping of known keys; one without a value is no key. */
  section<Key extends string>(
    given: Value | undefined,
    name: string,
    keys: readonly Key[],
  ): ReadonlyMap<Key, Value>
  /** A mapping of any keys. */
  mapping(value: Value | undefined, name: string): ReadonlyMap<string, Value>
  text(value: Value | undefined, name: string): string | undefined
  bool(value: Value | undefined, name: string): boolean | undefined
  texts(value: Value | undefined, name: string): readonly Item[] | undefined
}

/** Of a list. */
export interface Item {
  readonly text: string
  readonly place: string
}

/** Words of YAML 1.1, which these files are written in, for true and false. */
const TRUE = /^(?:true|True|TRUE|y|Y|yes|Yes|YES|on|On|ON)$/
const FALSE = /^(?:false|False|FALSE|n|N|no|No|NO|off|Off|OFF)$/

export function makeReading(yaml: YamlSource): Reading {
  const { follow, placeOf } = yaml

  function entries(given: unknown, name: string): Map<string, Value> {
    const node = follow(given)
    const found = new Map<string, Value>()
    if (isNothing(node)) return found
    if (!isMap(node))
      refuseWeb(
        `${placeOf(given)}: ${name} must hold keys and values, not ${describe(node)}: indent them below it`,
      )
    for (const pair of node.items) {
      if (!isPair(pair)) continue
      const place = placeOf(pair.key)
      if (!isScalar(pair.key)) refuseWeb(`${place}: a key of ${name} must be text, not ${describe(pair.key)}`)
      const key = textOf(pair.key)
      if (found.has(key)) refuseWeb(`${place}: ${key} stands twice in ${name}: keep one of them`)
      found.set(key, { node: pair.value, place })
    }
    return found
  }

  function scalarText(given: unknown, place: string, name: string): string {
    const node = follow(given)
    if (!isScalar(node) || scalarType(node) === undefined)
      refuseWeb(`${place}: ${name} must be text, not ${describe(node)}`)
    return textOf(node)
  }

  return {
    ...yaml,
    section(given, name, keys) {
      const found = entries(given?.node, name)
      for (const [key, { node, place }] of found) {
        if (!(keys as readonly string[]).includes(key)) refuseWeb(`${place}: ${unknownKey(key, name, keys)}`)
        if (isNothing(follow(node))) found.delete(key)
      }
      return found as unknown as ReadonlyMap<(typeof keys)[number], Value>
    },
    mapping: (value, name) => entries(value?.node, name),
    text(value, name) {
      if (value === undefined || isNothing(follow(value.node))) return undefined
      return scalarText(value.node, value.place, name)
    },
    bool(value, name) {
      if (value === undefined) return undefined
      const node = follow(value.node)
      if (isScalar(node)) {
        if (typeof node.value === 'boolean') return node.value
        const word = node.type === 'PLAIN' ? textOf(node) : ''
        if (TRUE.test(word)) return true
        if (FALSE.test(word)) return false
      }
      return refuseWeb(`${value.place}: ${name} must be true or false, not ${describe(node)}`)
    },
    texts(value, name) {
      if (value === undefined) return undefined
      const node = follow(value.node)
      if (!isSeq(node))
        refuseWeb(`${value.place}: ${name} must be a list, not ${describe(node)}: write [one, another]`)
      return node.items.map((item) => ({
        text: scalarText(item, placeOf(item), `an item of ${name}`),
        place: placeOf(item),
      }))
    },
  }
}

function unknownKey(key: string, section: string, keys: readonly string[]): string {
  const suggestion = nearestName(key, keys)
  return `${key} is no key of ${section}${suggestion ? `, did you mean ${suggestion}?` : `: docs/security.md lists all`}`
}
