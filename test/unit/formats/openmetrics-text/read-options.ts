import type { ReadOptions } from '../../../../src/formats/format.ts'

/** Limits no test reaches by accident. */
export const READ_OPTIONS: ReadOptions = {
  limits: { labelsPerSeries: 64, nameLength: 256, valueLength: 4096, seriesPerPush: 10_000 },
  utf8Names: false,
}
