import type { FamilyType } from '../../model/family.ts'

/** What a family's name is followed by in the names of its samples (OpenMetrics 1.0, Suffixes). */
export const SUFFIXES: Record<FamilyType, readonly string[]> = {
  counter: ['_total', '_created'],
  gauge: [''],
  histogram: ['_bucket', '_count', '_sum', '_created'],
  gaugehistogram: ['_bucket', '_gcount', '_gsum'],
  stateset: [''],
  info: ['_info'],
  summary: ['', '_count', '_sum', '_created'],
  unknown: [''],
}

/**
 * Every name a family takes up on a page: its own, and those of all samples its type can have. `name` is the family's
 * name as OpenMetrics has it, without `_total` or `_info`.
 */
export function claimedNames(name: string, type: FamilyType): readonly string[] {
  return [...new Set([name, ...SUFFIXES[type].map((suffix) => name + suffix)])]
}

/** Code points that label names and values of an exemplar may have together (OpenMetrics 1.0, Exemplars). */
export const EXEMPLAR_MAX_RUNES = 128

/** Unicode code points of a text; a lone surrogate counts as one. */
export function runesOf(text: string): number {
  let runes = text.length
  for (let i = 0; i + 1 < text.length; i++) {
    if (isHigh(text.charCodeAt(i)) && isLow(text.charCodeAt(i + 1))) runes--
  }
  return runes
}

function isHigh(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff
}

function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff
}
