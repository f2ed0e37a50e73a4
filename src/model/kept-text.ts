import type { Labels } from './labels.ts'

/** V8 copies shorter pieces of a text; a longer one refers to the text it was cut from. */
const LEAST_SLICE = 13

/** A text that is kept for long, and keeps alive nothing that it was cut from, like the text of a whole body. */
export function keptText(text: string): string {
  return text.length < LEAST_SLICE ? text : Buffer.from(text).toString()
}

const MOST_NAMES = 10_000
const names = new Map<string, string>()

/** The same for names of families, of which there are few and which come again and again: equal ones are one text. */
export function keptName(name: string): string {
  const known = names.get(name)
  if (known !== undefined) return known
  // Strangers choose them.
  if (names.size >= MOST_NAMES) names.clear()
  const kept = keptText(name)
  names.set(kept, kept)
  return kept
}

export function keptLabels(labels: Labels): Labels {
  return labels.map(({ name, value }) => ({ name: keptName(name), value: keptText(value) }))
}
