import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { STRATEGIES, type TranslationStrategy } from '../../../../src/formats/otlp/index.ts'
import {
  type NamedMetric,
  translateLabelName,
  translateMetricName,
} from '../../../../src/formats/otlp/names.ts'
import { translateUnit } from '../../../../src/formats/otlp/units.ts'

interface MetricRow {
  readonly name: string
  readonly strategy: TranslationStrategy
  readonly namespace?: string
  readonly metric: string
  readonly unit: string
  readonly type: NamedMetric['type']
  readonly want: string
  readonly wantUnit: string
}

interface LabelRow {
  readonly label: string
  readonly isEscaping: boolean
  readonly keepsUnderscores: boolean
  readonly keysUnderscore: boolean
  readonly want: string
}

type DerivedRow = [TranslationStrategy, string, string, NamedMetric['type'], string, string]

/** See test/support/otlptranslator-tables.go. */
const tables: { metrics: MetricRow[]; labels: LabelRow[]; derived: DerivedRow[] } = JSON.parse(
  readFileSync(new URL('../../../fixtures/otlp/otlptranslator.json', import.meta.url), 'utf8'),
)

const isEscaped = (strategy: TranslationStrategy) => strategy.startsWith('Underscore')

describe("names as Prometheus's translator has them", () => {
  // A namespace is a setting that nobody has but programs which use the translator.
  const rows = tables.metrics.filter(({ namespace = '' }) => namespace === '')

  it.each(rows.map((row) => [row.name, row] as const))('%s', (_name, row) => {
    const { metric, unit, type, strategy, want, wantUnit } = row
    expect(translateMetricName({ name: metric, unit, type }, strategy) ?? '').toBe(want)
    if (wantUnit !== '' && isEscaped(strategy)) expect(translateUnit(unit)).toBe(wantUnit)
  })

  it('of every strategy there are rows, and no more were left out than have a namespace', () => {
    expect(rows.length).toBe(77)
    expect(tables.metrics.length).toBe(84)
    expect(new Set(rows.map(({ strategy }) => strategy))).toEqual(new Set(STRATEGIES))
  })

  it('every name with every unit, by every strategy and for every type', () => {
    const ours = tables.derived.map(([strategy, name, unit, type]) => [
      strategy,
      name,
      unit,
      type,
      translateMetricName({ name, unit, type }, strategy) ?? '',
      translateUnit(unit),
    ])
    expect(ours).toEqual(tables.derived)
    expect(ours.length).toBeGreaterThan(1000)
  })

  it('labels with every rule for underscores', () => {
    const ours = tables.labels.map(({ want: _want, ...row }) => ({
      ...row,
      want: translateLabelName(row.label, row) ?? '',
    }))
    expect(ours).toEqual(tables.labels)
    expect(ours.length).toBeGreaterThan(300)
  })
})
