import { ignoredSettings, settingRows } from './options.ts'
import { type Setting, yamlKey, yamlKeysOf } from './setting.ts'

/** A JSON Schema that is written to a file, hence plain data. */
export interface Schema {
  [keyword: string]: unknown
  properties?: Record<string, Schema>
}

/** JSON Schema (draft 2020-12) of the configuration file, so that editors complete and check it. */
export function settingsSchema(): Schema {
  const root: Schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Configuration file of pgr',
    type: ['object', 'null'],
    additionalProperties: false,
    properties: {},
  }
  for (const [, row] of settingRows) {
    const [preferred] = yamlKeysOf(row)
    for (const key of yamlKeysOf(row)) {
      const isAlias = key !== preferred
      const note = isAlias
        ? { description: `Same as ${preferred}.`, deprecated: true }
        : { description: row.doc }
      place(root, key, { ...row.kind.schema, ...note, ...defaultOf(row) })
      if (row.secret) place(root, `${key}_file`, { type: 'string', description: `File that holds ${key}.` })
    }
  }
  for (const { flag, because } of ignoredSettings) {
    place(root, yamlKey(flag), { description: `Accepted without effect: ${because}.`, deprecated: true })
  }
  return root
}

function place(root: Schema, key: string, leaf: Schema): void {
  const parts = key.split('.')
  const last = parts.pop() ?? ''
  let section = root
  for (const part of parts) {
    section.properties ??= {}
    section.properties[part] ??= { type: ['object', 'null'], additionalProperties: false, properties: {} }
    section = section.properties[part]
  }
  section.properties ??= {}
  section.properties[last] = leaf
}

function defaultOf(row: Setting<unknown>): { default?: unknown } {
  if (row.secret || row.kind.list || row.fallback === '') return {}
  const isPlain = row.kind.isSwitch || typeof row.fallback === 'number'
  const shown = row.kind.show(row.fallback)
  return { default: isPlain && shown === String(row.fallback) ? row.fallback : shown }
}
