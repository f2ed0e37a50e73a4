import { isUtf8 } from 'node:buffer'
import { duplicateName, type Label, type Labels, showLabels, sortLabels } from '../../model/labels.ts'
import type { ReadOptions } from '../format.ts'
import { eachField, type ProtobufReader, skipField } from '../protobuf.ts'
import { LABEL } from './layout.ts'

/**
 * Names that were found good: there are few, and every series has most of them. Each is kept once, for all label sets
 * that have it.
 */
export class GoodNames {
  private names = new Map<string, string>()

  get(name: string): string | undefined {
    return this.names.get(name)
  }

  /** Returns the name. */
  keep(name: string): string {
    if (this.names.size === MOST_NAMES) this.names = new Map()
    this.names.set(name, name)
    return name
  }
}

const MOST_NAMES = 4096

/** What label sets are held against. */
export interface LabelRules {
  readonly options: ReadOptions
  readonly labelNames: GoodNames
  readonly metricNames: GoodNames
}

/** What a series is called. */
export interface SeriesName {
  readonly name: string
  /** Sorted, without the name, none empty. */
  readonly labels: Labels
}

/**
 * The label set of a series from its fields, which end at `end`; or what is wrong with it, to continue "it". Throws for
 * bytes that are no labels.
 */
export function readSeriesName(reader: ProtobufReader, end: number, rules: LabelRules): SeriesName | string {
  const all = readLabels(reader, end, rules)
  if (typeof all === 'string') return all
  const labels: Label[] = []
  let name = ''
  for (const label of all) {
    if (label.name === '__name__') name = label.value
    else if (label.value !== '') labels.push(label)
  }
  if (name === '') return 'has no name; give it a label "__name__" with the name of its metric'
  const good = rules.metricNames.get(name)
  if (good !== undefined) return { name: good, labels }
  const { nameLength } = rules.options.limits
  if (name.length > nameLength) return nameTooLong('metric', name, nameLength)
  return { name: rules.metricNames.keep(name), labels }
}

/** Any label set, sorted; otherwise as `readSeriesName`. */
export function readLabels(reader: ProtobufReader, end: number, rules: LabelRules): Labels | string {
  const { options } = rules
  const labels: Label[] = []
  while (reader.pos < end) {
    // Of a label: there is nothing else.
    reader.tag()
    // The name of the metric is not counted.
    if (labels.length > options.limits.labelsPerSeries) return tooMany(options)
    const label = readLabel(reader, rules)
    if (typeof label === 'string') return label
    labels.push(label)
  }
  const sorted = sortLabels(labels)
  const twice = duplicateName(sorted)
  return twice === undefined ? sorted : `has two labels called ${quote(twice)}; leave one of them out`
}

export function tooMany({ limits }: ReadOptions): string {
  return `has more than the ${limits.labelsPerSeries} labels allowed; raise --push.max-labels if they are meant`
}

function readLabel(reader: ProtobufReader, { options, labelNames }: LabelRules): Label | string {
  let name: string | undefined = ''
  let value: string | undefined = ''
  eachField(reader, (tag) => {
    if (tag === LABEL.name) name = readText(reader)
    else if (tag === LABEL.value) value = readText(reader)
    else skipField(reader, tag)
  })
  if (name === undefined) return 'has a label name that is not valid UTF-8; send text in UTF-8'
  if (value === undefined)
    return `has a value of label ${quote(name)} that is not valid UTF-8; send text in UTF-8`
  const known = labelNames.get(name)
  const problem = known === undefined ? labelNameProblem(name, options) : undefined
  return problem ?? valueProblem(name, value, options) ?? { name: known ?? labelNames.keep(name), value }
}

/** The text that starts here with its length; undefined when it is not valid UTF-8. */
export function readText(reader: ProtobufReader): string | undefined {
  const at = reader.pos
  const text = reader.string()
  // Where something was replaced, and only there, it is worth a look at the bytes.
  if (!text.includes('\ufffd')) return text
  const end = reader.pos
  reader.pos = at
  const size = reader.size()
  reader.pos = end
  return isUtf8(reader.buf.subarray(end - size, end)) ? text : undefined
}

function labelNameProblem(name: string, { limits }: ReadOptions): string | undefined {
  if (name === '') return 'has a label without a name; leave it out or name it'
  return name.length > limits.nameLength ? nameTooLong('label', name, limits.nameLength) : undefined
}

function valueProblem(name: string, value: string, { limits }: ReadOptions): string | undefined {
  if (value.length <= limits.valueLength || name === '__name__') return undefined
  return `has a value of label ${quote(name)} of ${value.length} characters, more than the ${limits.valueLength} allowed; raise --push.max-value-length if it is meant`
}

/** Whether a family of metadata may be called so. */
export function isMetricName(name: string, { limits }: ReadOptions): boolean {
  return name !== '' && name.length <= limits.nameLength
}

function nameTooLong(what: string, name: string, limit: number): string {
  return `has the ${what} name ${quote(`${name.slice(0, 50)}…`)} of ${name.length} characters, more than the ${limit} allowed; raise --push.max-name-length if it is meant`
}

/** Short enough for a message, whatever it is. */
function quote(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text)
}

/** The labels whose fields stand here, as far as a message needs them; never throws. */
export function showLabelFields(reader: ProtobufReader, end: number): string {
  const labels: Label[] = []
  try {
    while (reader.pos < end && labels.length < MOST_SHOWN) {
      let name = ''
      let value = ''
      reader.tag()
      eachField(reader, (tag) => {
        if (tag === LABEL.name) name = reader.string()
        else if (tag === LABEL.value) value = reader.string()
        else skipField(reader, tag)
      })
      labels.push({ name, value: value.slice(0, LONGEST_SHOWN) })
    }
  } catch {
    // What could be read of it must do.
  }
  const shown = showLabels(labels)
  return shown.length > LONGEST_SHOWN ? `${shown.slice(0, LONGEST_SHOWN)}…` : shown
}

const MOST_SHOWN = 16
const LONGEST_SHOWN = 200
