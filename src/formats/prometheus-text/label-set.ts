import { duplicateName, type Label, type Labels, NO_LABELS, sortLabels } from '../../model/labels.ts'
import { parseGoFloat } from '../../model/number.ts'
import { quoteGo } from './quote.ts'
import { CLOSE, COMMA, EQUALS, QUOTE, type Scan } from './scan.ts'

/** A label of the line read before and the bytes it was read from, blanks in front and closing quote included. */
interface Slot {
  label: Label
  start: number
  nameStart: number
  end: number
  special: boolean
}

/**
 * Reads label sets. Neighbouring lines mostly repeat labels at the same place, and a bucket repeats the whole set of
 * the bucket before it; what is byte for byte the same is not read again but shared.
 */
export class LabelSetReader {
  /** Number in the label that was named special (`le`, `quantile`); undefined when the set had none. */
  special: number | undefined
  private readonly slots: Slot[] = []
  /** Labels of the set being read, special one left out; those from `count` on are left from sets before. */
  private readonly found: Label[] = []
  private count = 0
  /** The set of the last line that had one. */
  private last: Labels = NO_LABELS
  private readonly scan: Scan
  private metric = ''

  constructor(scan: Scan) {
    this.scan = scan
  }

  /**
   * Reads from behind the opening brace to behind the closing one. The label called `special` becomes a number and is
   * not part of the result. Inside braces that also hold the metric's name, that name is passed over.
   */
  read(metric: string, special: string | undefined, holdsName = false): Labels {
    const { scan, slots } = this
    const { bytes } = scan
    this.metric = metric
    this.special = undefined
    this.count = 0
    // `last` always holds the first plain labels of `slots`; while no plain slot changes, equal length means equality.
    let isSame = true
    for (let position = 0; ; position++) {
      let slot: Slot | undefined = slots[position]
      let at = scan.at
      if (slot !== undefined) {
        // Compare with the bytes the label at this place was read from on the line before.
        let before = slot.start
        const end = slot.end
        while (before < end && bytes[before] === bytes[at]) {
          before++
          at++
        }
        if (before === end) scan.at = at
        else slot = undefined
      }
      if (slot === undefined) {
        const start = scan.at
        scan.skipBlanks()
        if (scan.peek() === CLOSE) {
          scan.at++
          break
        }
        const nameStart = scan.at
        const label = this.readLabel(position, holdsName)
        if (label === undefined) continue
        const isSpecial = label.name === special
        if (!isSpecial || slots[position]?.special === false) isSame = false
        slot = this.keep(position, label, start, nameStart, isSpecial)
      } else if (slot.special !== (slot.label.name === special)) {
        slot.special = !slot.special
        isSame = false
      }
      if (slot.special) this.special = this.readBound(slot.label)
      else this.add(slot.label)
      const next = bytes[scan.at]
      if (next === COMMA) {
        scan.at++
      } else if (next === CLOSE) {
        scan.at++
        break
      } else if (this.endsAfterBlanks(slot.label)) {
        break
      }
    }
    if (!isSame || this.count !== this.last.length) this.last = this.finish()
    return this.last
  }

  private add(label: Label): void {
    const { scan, found } = this
    const limit = scan.options.limits.labelsPerSeries
    found[this.count++] = label
    if (this.count > limit) {
      throw scan.over(
        `metric ${quoteGo(this.metric)} has more than the ${limit} labels allowed; ` +
          'raise --push.max-labels if they are meant',
      )
    }
  }

  private finish(): Labels {
    const { scan, found } = this
    if (this.count === 0) return NO_LABELS
    const labels = sortLabels(found.slice(0, this.count))
    if (duplicateName(labels) !== undefined) {
      throw scan.malformed(`duplicate label names for metric ${quoteGo(this.metric)}`)
    }
    return labels
  }

  /** Behind a label there were neither comma nor brace at once: true when there is a brace after blanks. */
  private endsAfterBlanks(label: Label): boolean {
    const { scan } = this
    scan.skipBlanks()
    const next = scan.peek()
    if (next !== COMMA && next !== CLOSE) {
      throw scan.malformed(`unexpected end of label value ${quoteGo(label.value)}`)
    }
    scan.at++
    return next === CLOSE
  }

  /** One `name="value"`; undefined when it was the metric's name, with the comma behind it read. */
  private readLabel(position: number, holdsName: boolean): Label | undefined {
    const { scan } = this
    const name = this.readName(position)
    scan.skipBlanks()
    if (scan.peek() !== EQUALS) {
      if (!holdsName) {
        throw scan.malformed(`expected '=' after label name, found ${scan.showChar()}`)
      }
      if (scan.peek() === COMMA) scan.at++
      return undefined
    }
    scan.at++
    scan.skipBlanks()
    if (scan.peek() !== QUOTE) {
      throw scan.malformed(`expected '"' at start of label value, found ${scan.showChar()}`)
    }
    if (name === '__name__') {
      throw scan.malformed('label name "__name__" is reserved; the name of a metric stands before its braces')
    }
    return { name, value: this.readValue(name) }
  }

  private readName(position: number): string {
    const { scan } = this
    const start = scan.at
    const end = scan.endOfLabelName()
    if (end === start) {
      if (scan.peek() === QUOTE && scan.options.utf8Names) {
        return scan.checkedName(scan.readQuoted('label name'), 'label')
      }
      throw this.refuseName()
    }
    scan.at = end
    const before = this.slots[position]
    // The very same name object where the line before has it: no new string for most labels.
    if (before !== undefined && this.isName(before, start, end)) return before.label.name
    return scan.checkedName(scan.cut(start, end), 'label')
  }

  private refuseName(): Error {
    const { scan } = this
    const reason = `invalid label name for metric ${quoteGo(this.metric)}`
    return scan.malformed(
      scan.peek() === QUOTE ? `${reason}; quoted names are read with --push.enable-utf8-names` : reason,
    )
  }

  private isName(before: Slot, start: number, end: number): boolean {
    const { bytes } = this.scan
    const known = before.nameStart
    if (bytes[known + end - start] !== EQUALS) return false
    for (let at = start; at < end; at++) if (bytes[at] !== bytes[known + at - start]) return false
    return true
  }

  private readValue(name: string): string {
    const { scan } = this
    const value = scan.readQuoted('label value')
    const limit = scan.options.limits.valueLength
    if (value.length > limit) {
      throw scan.over(
        `the value of label ${quoteGo(name)} has ${value.length} characters, more than the ${limit} allowed; ` +
          'raise --push.max-value-length if it is meant',
      )
    }
    return value
  }

  private keep(position: number, label: Label, start: number, nameStart: number, special: boolean): Slot {
    const end = this.scan.at
    const slot = this.slots[position]
    if (slot === undefined) {
      const fresh = { label, start, nameStart, end, special }
      this.slots[position] = fresh
      return fresh
    }
    slot.label = label
    slot.start = start
    slot.nameStart = nameStart
    slot.end = end
    slot.special = special
    return slot
  }

  private readBound({ name, value }: Label): number {
    const bound = parseGoFloat(value)
    if (bound !== undefined) return bound
    throw this.scan.malformed(`expected float as value for '${name}' label, got ${quoteGo(value)}`)
  }
}
