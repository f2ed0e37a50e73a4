import type { Metric } from '../../model/family.ts'
import { type Label, type Labels, mergeLabels } from '../../model/labels.ts'
import { type EscapingScheme, escapeLabelName, isLegacyLabelName } from '../../model/names.ts'
import { escapeValue } from './escape.ts'

/** The labels of metrics with the same label names, all but the values. */
interface Frame {
  readonly names: readonly string[]
  /** Of the labels whose values are shown: where they stand among a metric's own, and the text in front of the value. */
  readonly places: readonly number[]
  readonly before: readonly string[]
  readonly end: string
}

/** A label name as it stands on a page; undefined when it would be spelled otherwise than it was pushed. */
export function showName(name: string, escaping: EscapingScheme): string | undefined {
  if (isLegacyLabelName(name)) return name
  return escaping === 'allow-utf-8' ? `"${escapeValue(name)}"` : undefined
}

/**
 * Writes the inside of the braces for one block: the labels every metric shares, rendered once, joined to each
 * metric's own.
 */
export class LabelText {
  private readonly names: string[] = []
  private readonly texts: string[] = []
  private readonly common: Labels
  private readonly escaping: EscapingScheme
  /** Name of the label that a sample of this type adds itself; on a metric it would stand twice. */
  private readonly reserved: string | undefined
  /** A label name met so far was respelled, so that two may have become one. */
  hasRespelled = false
  private frame: Frame | undefined

  constructor(common: Labels, escaping: EscapingScheme, reserved: string | undefined) {
    this.escaping = escaping
    this.reserved = reserved
    this.common = common
    for (const label of common) {
      if (this.isReserved(label.name)) continue
      this.names.push(label.name)
      this.texts.push(this.write(label))
    }
  }

  /** `a="1",b="2"`, sorted by name as it was pushed; empty without labels. */
  of(own: Labels): string {
    if (this.frame === undefined || !haveNames(own, this.frame.names))
      this.frame = this.frameOf(own.map(({ name }) => name))
    if (this.hasRespelled) return this.writeDistinct(own)
    const { places, before, end } = this.frame
    let text = ''
    for (let i = 0; i < places.length; i++) {
      const { value } = own[places[i] as number] as Label
      text += before[i] + escapeValue(value)
    }
    return text + end
  }

  /** What the labels of metrics with these label names have in common. */
  private frameOf(own: readonly string[]): Frame {
    const { names, texts } = this
    const places: number[] = []
    const before: string[] = []
    let text = ''
    let next = 0
    for (const [place, name] of own.entries()) {
      while (next < names.length && (names[next] as string) < name) text += `,${texts[next++]}`
      if (names[next] === name || this.isReserved(name)) continue
      places.push(place)
      before.push(`${text},${this.show(name)}="`)
      text = '"'
    }
    while (next < texts.length) text += `,${texts[next++]}`
    // No comma stands in front of the first label.
    if (before.length > 0) before[0] = (before[0] as string).slice(1)
    else text = text.slice(1)
    return { names: own, places, before, end: text }
  }

  private isReserved(name: string): boolean {
    return this.reserved !== undefined && escapeLabelName(name, this.escaping) === this.reserved
  }

  private write({ name, value }: Label): string {
    return `${this.show(name)}="${escapeValue(value)}"`
  }

  private show(name: string): string {
    const shown = showName(name, this.escaping)
    if (shown !== undefined) return shown
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

function haveNames(labels: Labels, names: readonly string[]): boolean {
  if (labels.length !== names.length) return false
  for (let i = 0; i < names.length; i++) if (labels[i]?.name !== names[i]) return false
  return true
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
