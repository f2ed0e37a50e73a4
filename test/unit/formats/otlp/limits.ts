import type { SampleLimits } from '../../../../src/formats/format.ts'

/** Limits no test reaches by accident. */
export const LIMITS: SampleLimits = {
  labelsPerSeries: 64,
  nameLength: 256,
  valueLength: 4096,
  seriesPerPush: 10_000,
}
