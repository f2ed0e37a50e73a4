import type { SampleLimits } from '../format.ts'
import type { LabelNaming, TranslationStrategy } from './names.ts'

export interface TranslationOptions {
  readonly strategy: TranslationStrategy
  /** Of labels, where the strategy escapes their names. */
  readonly labels: Omit<LabelNaming, 'isEscaping'>
  /** Attributes of the resource that become labels of every series: those listed, or all but those. */
  readonly promotion: { readonly attributes: readonly string[]; readonly isAllBut: boolean }
  /** Name, version, schema and attributes of the scope become labels. */
  readonly promotesScope: boolean
  /** Attributes that `job` and `instance` are made of stand in `target_info` too. */
  readonly keepsIdentifying: boolean
  readonly limits: SampleLimits
}

/** What Prometheus does when it is told nothing else. */
export const PROMETHEUS_TRANSLATION: Omit<TranslationOptions, 'limits'> = {
  strategy: 'UnderscoreEscapingWithSuffixes',
  labels: { keepsUnderscores: true, keysUnderscore: true },
  promotion: { attributes: [], isAllBut: false },
  promotesScope: false,
  keepsIdentifying: false,
}
