import { compareText, type Label, type Labels, sortLabels } from '../../model/labels.ts'
import type { SampleLimits } from '../format.ts'
import { isEscaping, type LabelNaming, translateLabelName } from './names.ts'
import type { TranslationOptions } from './options.ts'
import type { Attributes, ScopeMetrics } from './request.ts'

/** Labels, or why there are none, to continue "it". */
export type LabelsOrProblem = Labels | string

const IDENTIFYING = ['service.namespace', 'service.name', 'service.instance.id']
const METRIC_NAME = '__name__'
const JOB = 'job'
const INSTANCE = 'instance'

/** What the scope of a metric adds to the labels of its points: names with values, of which an empty one takes away. */
export type ScopeLabels = readonly Label[] | string

/**
 * The labels that points of one resource get, in the order of precedence of Prometheus's translator: attributes of the
 * point; promoted attributes of the resource where the point has none; `job` and `instance` in any case; the scope in any
 * case. Values of attributes whose keys become one label are joined by semicolons in the order of the keys. Empty values
 * are dropped.
 */
export class ResourceLabels {
  private readonly resource: Attributes
  private readonly options: TranslationOptions
  private readonly naming: LabelNaming
  private readonly job: string
  private readonly instance: string
  private readonly promoted: ReadonlyMap<string, string> | string
  private target: { readonly labels: LabelsOrProblem | undefined } | undefined
  /** By the labels of their scope. */
  private readonly known = new Map<string, WeakMap<Attributes, LabelsOrProblem>>()

  constructor(resource: Attributes, options: TranslationOptions) {
    this.resource = resource
    this.options = options
    this.naming = { ...options.labels, isEscaping: isEscaping(options.strategy) }
    const name = textOf(resource, 'service.name')
    const namespace = textOf(resource, 'service.namespace')
    this.job = name === undefined ? '' : namespace === undefined ? name : `${namespace}/${name}`
    this.instance = textOf(resource, 'service.instance.id') ?? ''
    this.promoted = this.promote()
  }

  /** A function that gives the labels of a point in this scope; the same object for the same attributes. */
  inScope(scope: ScopeMetrics): (attributes: Attributes) => LabelsOrProblem {
    const scopeLabels = this.scopeLabels(scope)
    const known = this.knownFor(JSON.stringify(scopeLabels))
    return (attributes) => {
      let labels = known.get(attributes)
      if (labels === undefined) {
        labels = this.labelsOf(attributes, scopeLabels)
        known.set(attributes, labels)
      }
      return labels
    }
  }

  /**
   * Labels of the series that carries the resource's attributes; undefined when it would say nothing, or nobody could
   * tell whose it is.
   */
  get targetInfo(): LabelsOrProblem | undefined {
    this.target ??= { labels: this.makeTargetInfo() }
    return this.target.labels
  }

  private makeTargetInfo(): LabelsOrProblem | undefined {
    const describing = this.resource.filter(({ name }) => !IDENTIFYING.includes(name))
    if (describing.length === 0) return undefined
    const found = this.translate(this.options.keepsIdentifying ? this.resource : describing)
    if (typeof found === 'string') return found
    this.identify(found)
    return (found.get(JOB) ?? '') === '' && (found.get(INSTANCE) ?? '') === ''
      ? undefined
      : toLabels(found, this.options.limits)
  }

  private labelsOf(attributes: Attributes, scopeLabels: ScopeLabels): LabelsOrProblem {
    const { promoted } = this
    if (typeof promoted === 'string') return promoted
    if (typeof scopeLabels === 'string') return scopeLabels
    const found = this.translate(attributes)
    if (typeof found === 'string') return found
    for (const [name, value] of promoted) if ((found.get(name) ?? '') === '') found.set(name, value)
    this.identify(found)
    for (const { name, value } of scopeLabels) found.set(name, value)
    return toLabels(found, this.options.limits)
  }

  private identify(found: Map<string, string>): void {
    if (this.job !== '') found.set(JOB, this.job)
    if (this.instance !== '') found.set(INSTANCE, this.instance)
  }

  private translate(attributes: Attributes): Map<string, string> | string {
    const found = new Map<string, string>()
    const sorted = [...attributes].sort((a, b) => compareText(a.name, b.name))
    for (const { name: key, value } of sorted) {
      if (key === METRIC_NAME) continue
      const name = this.naming.isEscaping ? translateLabelName(key, this.naming) : key
      if (name === undefined || name === '') return noLabelName(key)
      const before = this.naming.isEscaping ? (found.get(name) ?? '') : ''
      found.set(name, before === '' ? value : `${before};${value}`)
    }
    return found
  }

  private promote(): ReadonlyMap<string, string> | string {
    const { attributes, isAllBut } = this.options.promotion
    const promoted = new Map<string, string>()
    for (const { name: key, value } of this.resource) {
      if (attributes.includes(key) === isAllBut) continue
      const name = translateLabelName(key, this.naming)
      if (name === undefined) return `is of a resource that ${noLabelName(key)}`
      promoted.set(name, value)
    }
    return promoted
  }

  private scopeLabels({ scope, schemaUrl }: ScopeMetrics): ScopeLabels {
    if (!this.options.promotesScope || scope.name === '') return []
    const labels: Label[] = []
    for (const { name: key, value } of scope.attributes) {
      const name = translateLabelName(`otel_scope_${key}`, this.naming)
      if (name === undefined) return `is of a scope that ${noLabelName(key)}`
      labels.push({ name, value })
    }
    return [
      ...labels.filter(({ value }) => value !== ''),
      { name: 'otel_scope_name', value: scope.name },
      { name: 'otel_scope_version', value: scope.version },
      { name: 'otel_scope_schema_url', value: schemaUrl },
    ]
  }

  private knownFor(scope: string): WeakMap<Attributes, LabelsOrProblem> {
    let known = this.known.get(scope)
    if (known === undefined) {
      if (this.known.size >= MOST_SCOPES) this.known.clear()
      known = new WeakMap()
      this.known.set(scope, known)
    }
    return known
  }
}

/** Scopes of one resource whose labels are kept. */
const MOST_SCOPES = 256

function textOf(attributes: Attributes, key: string): string | undefined {
  return attributes.find(({ name }) => name === key)?.value
}

function noLabelName(key: string): string {
  return key === ''
    ? 'has an attribute without a key'
    : `has an attribute ${quote(key)}, of which no label name is left`
}

function toLabels(found: ReadonlyMap<string, string>, limits: SampleLimits): LabelsOrProblem {
  const labels: Label[] = []
  for (const [name, value] of found) {
    if (value === '') continue
    if (name.length > limits.nameLength)
      return `has a label name of ${name.length} characters, more than the ${limits.nameLength} allowed (--push.max-name-length)`
    if (value.length > limits.valueLength)
      return `has a value of label ${quote(name)} of ${value.length} characters, more than the ${limits.valueLength} allowed (--push.max-value-length)`
    labels.push({ name, value })
  }
  if (labels.length > limits.labelsPerSeries)
    return `has more than the ${limits.labelsPerSeries} labels allowed (--push.max-labels)`
  return sortLabels(labels)
}

/** For messages: names are strangers' text. */
export function quote(name: string): string {
  return JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}…` : name)
}
