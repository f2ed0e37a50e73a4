import { createRequire } from 'node:module'
import type * as Yaml from 'yaml'

const require = createRequire(import.meta.url)
let library: typeof Yaml | undefined

/** The library, loaded when the first file is read: most processes read none, and it has a tenth of what a start loads. */
export function yaml(): typeof Yaml {
  library ??= require('yaml') as typeof Yaml
  return library
}

export function isMap(node: unknown): node is Yaml.YAMLMap {
  return yaml().isMap(node)
}

export function isSeq(node: unknown): node is Yaml.YAMLSeq {
  return yaml().isSeq(node)
}

export function isPair(node: unknown): node is Yaml.Pair {
  return yaml().isPair(node)
}

export function isScalar(node: unknown): node is Yaml.Scalar {
  return yaml().isScalar(node)
}

export function isAlias(node: unknown): node is Yaml.Alias {
  return yaml().isAlias(node)
}
