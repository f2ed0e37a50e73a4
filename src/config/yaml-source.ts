import type { Scalar } from 'yaml'
import type { ScalarType } from './kinds.ts'
import { isAlias, isMap, isScalar, isSeq, yaml } from './yaml.ts'

/** A YAML file whose every node knows where it stands. */
export interface YamlSource {
  readonly root: unknown
  /** `file:line:column` of a node. */
  placeOf(node: unknown): string
  /** The node that an alias stands for; every other node is itself. */
  follow(node: unknown): unknown
}

/** Reads YAML. What is no YAML goes to `refuse`, with its place; keys that stand twice are left to the caller. */
export function openYaml(source: string, fileName: string, refuse: (message: string) => never): YamlSource {
  const { LineCounter, parseDocument } = yaml()
  const lines = new LineCounter()
  const document = parseDocument(source, { lineCounter: lines, prettyErrors: false, uniqueKeys: false })

  function place(offset: number | undefined): string {
    const { line, col } = lines.linePos(offset ?? 0)
    return `${fileName}:${line}:${col}`
  }

  const problem = document.errors[0] ?? document.warnings[0]
  if (problem) refuse(`${place(problem.pos[0])}: ${firstLine(problem.message)}`)
  return {
    root: document.contents,
    placeOf(node) {
      const range = isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? node.range : undefined
      return place(range?.[0])
    },
    follow: (node) => (isAlias(node) ? node.resolve(document) : node),
  }
}

/** Nothing at all, as a key has it whose value is commented out. */
export function isNothing(node: unknown): boolean {
  return node === null || node === undefined || (isScalar(node) && node.value === null)
}

/** Numbers keep the spelling of the file, so that a password `0123` stays what it is. */
export function textOf(scalar: Scalar): string {
  return typeof scalar.value === 'string' ? scalar.value : (scalar.source ?? String(scalar.value))
}

export function scalarType(scalar: Scalar): ScalarType | undefined {
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

/** Completes "…, not …"; text is not quoted, because it may be a secret. */
export function describe(node: unknown): string {
  if (isSeq(node)) return 'a list'
  if (isMap(node)) return 'a mapping'
  if (!isScalar(node) || node.value === null) return 'nothing'
  return typeof node.value === 'string' ? 'text' : `the ${scalarType(node) ?? 'value'} ${textOf(node)}`
}

function firstLine(message: string): string {
  return message.split('\n', 1)[0] ?? message
}
