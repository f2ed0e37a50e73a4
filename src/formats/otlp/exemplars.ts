import type { Exemplar } from '../../model/family.ts'
import { type Label, sortLabels } from '../../model/labels.ts'
import type { OtlpExemplar } from './request.ts'

/** OpenMetrics, "Exemplars": of names and values together. */
const MOST_CHARACTERS = 128

/**
 * Exemplars of the model: trace and span first, the other attributes only if all of them fit. One without a value is
 * none.
 */
export function exemplarsOf(exemplars: readonly OtlpExemplar[]): Exemplar[] {
  const found: Exemplar[] = []
  for (const { value, timeMs, ...exemplar } of exemplars) {
    if (value === undefined) continue
    found.push({ labels: labelsOf(exemplar), value, ...(timeMs !== 0 && { timestampMs: timeMs }) })
  }
  return found
}

function labelsOf({ traceId, spanId, attributes }: Omit<OtlpExemplar, 'value' | 'timeMs'>) {
  const labels: Label[] = []
  if (traceId !== '') labels.push({ name: 'trace_id', value: traceId })
  if (spanId !== '') labels.push({ name: 'span_id', value: spanId })
  const taken = new Set(['', ...labels.map(({ name }) => name)])
  const others = attributes.filter(({ name }) => !taken.has(name) && taken.add(name))
  const all = [...labels, ...others]
  return sortLabels(charactersOf(all) <= MOST_CHARACTERS ? all : labels)
}

function charactersOf(labels: readonly Label[]): number {
  let characters = 0
  for (const { name, value } of labels) characters += [...name].length + [...value].length
  return characters
}

/** Where there is room for one. */
export function latestOf(exemplars: readonly Exemplar[]): Exemplar | undefined {
  let latest: Exemplar | undefined
  for (const exemplar of exemplars) latest = later(latest, exemplar)
  return latest
}

/** Of two at the same time the second. */
export function later(before: Exemplar | undefined, exemplar: Exemplar): Exemplar {
  return (before?.timestampMs ?? 0) > (exemplar.timestampMs ?? 0) ? (before as Exemplar) : exemplar
}
