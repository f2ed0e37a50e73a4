/**
 * A label set: sorted by name in code-unit order, no name twice. Arrays, not objects: a label may be called
 * `__proto__`.
 */
export interface Label {
  readonly name: string
  readonly value: string
}

export type Labels = readonly Label[]

export const NO_LABELS: Labels = []

/** Code-unit order, the one order used for names and values everywhere; never locale dependent. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** Sorts a fresh array of labels by name, in place, and returns it. Duplicates are the caller's to refuse. */
export function sortLabels(labels: Label[]): Labels {
  // Insertion sort: label sets are short and arrive nearly sorted.
  for (let i = 1; i < labels.length; i++) {
    const label = labels[i] as Label
    let at = i - 1
    while (at >= 0 && (labels[at] as Label).name > label.name) {
      labels[at + 1] = labels[at] as Label
      at--
    }
    labels[at + 1] = label
  }
  return labels
}

/** The first name that stands twice in a sorted list, if any. */
export function duplicateName(sorted: Labels): string | undefined {
  for (let i = 1; i < sorted.length; i++) {
    const name = (sorted[i] as Label).name
    if (name === (sorted[i - 1] as Label).name) return name
  }
  return undefined
}

export function labelValue(labels: Labels, name: string): string | undefined {
  for (const label of labels) if (label.name === name) return label.value
  return undefined
}

/** Joins two sorted lists; where both have a name, `over` wins. The result is sorted. */
export function mergeLabels(base: Labels, over: Labels): Labels {
  if (base.length === 0) return over
  if (over.length === 0) return base
  const merged: Label[] = []
  let i = 0
  let j = 0
  while (i < base.length && j < over.length) {
    const a = base[i] as Label
    const b = over[j] as Label
    if (a.name < b.name) {
      merged.push(a)
      i++
    } else {
      if (a.name === b.name) i++
      merged.push(b)
      j++
    }
  }
  for (; i < base.length; i++) merged.push(base[i] as Label)
  for (; j < over.length; j++) merged.push(over[j] as Label)
  return merged
}

/** `labels` without the names that `without` carries. Both sorted; returns `labels` itself when nothing goes. */
export function withoutNames(labels: Labels, without: Labels): Labels {
  if (!labels.some((label) => without.some((other) => other.name === label.name))) return labels
  return labels.filter((label) => !without.some((other) => other.name === label.name))
}

const NO_INSTANCE: Labels = [{ name: 'instance', value: '' }]

/**
 * Labels as shown: without an instance they get an empty one, so that a scraper with `honor_labels` does not put the
 * gateway's address there.
 */
export function withInstance(labels: Labels): Labels {
  return labelValue(labels, 'instance') === undefined ? mergeLabels(labels, NO_INSTANCE) : labels
}

/** An empty value means the label is absent (Prometheus data model); identity ignores such labels. */
export function withoutEmptyValues(labels: Labels): Labels {
  return labels.some((label) => label.value === '') ? labels.filter((label) => label.value !== '') : labels
}

/**
 * Text that is equal exactly when two label sets are equal, and that sorts as the label sets do: by the first name,
 * its value, the next name, and so on. NUL cannot be confused with content: it sorts below every other character and
 * a name or value holding one is escaped.
 */
export function labelKey(labels: Labels): string {
  let key = ''
  for (const { name, value } of labels) key += `${escapeNul(name)}\u0000${escapeNul(value)}\u0000`
  return key
}

function escapeNul(text: string): string {
  return text.includes('\u0000') || text.includes('\u0001')
    ? text.replaceAll('\u0001', '\u0001\u0002').replaceAll('\u0000', '\u0001\u0001')
    : text
}

/** For messages: `{job="a",instance=""}`, values quoted as JSON does. */
export function showLabels(labels: Labels): string {
  return `{${labels.map(({ name, value }) => `${name}=${JSON.stringify(value)}`).join(',')}}`
}
