import type { Metric } from '../../model/family.ts'
import { type Label, type Labels, mergeLabels } from '../../model/labels.ts'
import { type EscapingScheme, escapeLabelName, isLegacyLabelName } from '../../model/names.ts'
import { escapeValue } from './escape.ts'

/**
 * Writes the inside of the braces for one block: the labels every metric shares, rendered once, joined to each
 * metric's own.
 */
export class LabelText {
  private readonly names: readonly string[]
  private readonly texts: readonly string[]
  private readonly commonText: string
  private readonly common: Labels
  private readonly escaping: EscapingScheme
  /** Name of the label that a sample of this type adds itself; on a metric it would stand twice. */
  private readonly reserved: string | undefined
  /** A label name met so far was respelled, so that two may have become one. */
  hasRespelled = false

  constructor(common: Labels, escaping: EscapingScheme, reserved: string | undefined) {
    this.escaping = escaping
    this.reserved = reserved
    this.common = common.filter(({ name }) => !this.isReserved(name))
    this.names = this.common.map(({ name }) => name)
    this.texts = this.common.map((label) => this.write(label))
    this.commonText = this.hasRespelled ? this.writeDistinct([]) : this.texts.join(',')
  }

  /** `a="1",b="2"`, sorted by name as it was pushed; empty without labels. */
  of(own: Labels): string {
    if (own.length === 0) return this.commonText
    const { names, texts } = this
    let text = ''
    let next = 0
    for (const label of own) {
      const { name } = label
      while (next < names.length && (names[next] as string) < name) text += `,${texts[next++]}`
      if (next < names.length && names[next] === name) continue
      if (this.isReserved(name)) continue
      text += `,${this.write(label)}`
    }
    while (next < texts.length) text += `,${texts[next++]}`
    return this.hasRespelled ? this.writeDistinct(own) : text.slice(1)
  }

  private isReserved(name: string): boolean {
    return this.reserved !== undefined && escapeLabelName(name, this.escaping) === this.reserved
  }

  private write({ name, value }: Label): string {
    const shown = isLegacyLabelName(name) ? name : this.respell(name)
    return `${shown}="${escapeValue(value)}"`
  }

  private respell(name: string): string {
    if (this.escaping === 'allow-utf-8') return `"${escapeValue(name)}"`
    this.hasRespelled = true
    return escapeLabelName(name, this.escaping)
  }

  /** Of labels whose names became equal one stays: a common one before a metric's own, else the first by name. */
  private writeDistinct(own: Labels): string {
    const taken = new Set<string>()
    const kept = new Set<string>()
    const merged = mergeLabels(own, this.common)
    for (const { name } of [...this.common, ...merged]) {
      const shown = escapeLabelName(name, this.escaping)
      if (this.isReserved(name) || taken.has(shown)) continue
      taken.add(shown)
      kept.add(name)
    }
    return merged
      .filter(({ name }) => kept.has(name))
      .map((label) => this.write(label))
      .join(',')
  }
}

/** What a block's writer knows of its labels. */
export interface BlockLabels {
  readonly labels: LabelText
  /** Label texts already written; only kept when metrics with different labels may have become equal. */
  readonly written: Set<string> | undefined
}

/** The labels of a metric that is to be written; undefined for one that is left out. */
export function labelsToWrite(metric: Metric, { labels, written }: BlockLabels): string | undefined {
  if (metric.stale) return undefined
  const text = labels.of(metric.labels)
  if (written === undefined) return text
  if (written.has(text)) return undefined
  written.add(text)
  return text
}
