import { compareText } from '../../model/labels.ts'

/**
 * Attribute values as text (OpenTelemetry, Attribute Requirements, "AnyValue representation for non-OTLP protocols"): a
 * string as it is, other scalars in their JSON form without quotes, bytes in base64, lists and maps in JSON with sorted
 * keys. `nested` is the form a value has inside a list or map.
 */
export function showString(text: string, nested: boolean): string {
  return nested ? quoteJson(text) : text
}

/** Go escapes the two line separators that JSON does not need escaped. */
function quoteJson(text: string): string {
  return JSON.stringify(text).replace(/[\u2028\u2029]/g, (char) =>
    char === '\u2028' ? '\\u2028' : '\\u2029',
  )
}

export function showDouble(value: number, nested: boolean): string {
  if (Number.isFinite(value)) return Object.is(value, -0) ? '-0' : String(value)
  return showString(String(value), nested)
}

export function showBytes(bytes: Uint8Array, nested: boolean): string {
  return showString(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64'), nested)
}

export function showEmpty(nested: boolean): string {
  return nested ? 'null' : ''
}

/** Of values in their nested form. */
export function showList(values: readonly string[]): string {
  return `[${values.join(',')}]`
}

/** Of keys, and values in their nested form; of equal keys the last counts. */
export function showMap(entries: readonly (readonly [string, string])[]): string {
  const sorted = [...new Map(entries)].sort(([a], [b]) => compareText(a, b))
  return `{${sorted.map(([key, value]) => `${quoteJson(key)}:${value}`).join(',')}}`
}

/** Lists and maps within each other, deeper than anybody means. */
export const MOST_NESTING = 32

/** To continue "it". */
export const NESTS_TOO_DEEP = `has an attribute value that nests deeper than ${MOST_NESTING} lists and maps`
