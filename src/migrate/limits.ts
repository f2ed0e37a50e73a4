import type { ReadOptions } from '../formats/format.ts'

/** How much is allowed was said by whoever took it, and will be by whoever is to take it. */
export const UNLIMITED: ReadOptions = {
  limits: {
    labelsPerSeries: Number.MAX_SAFE_INTEGER,
    nameLength: Number.MAX_SAFE_INTEGER,
    valueLength: Number.MAX_SAFE_INTEGER,
    seriesPerPush: Number.MAX_SAFE_INTEGER,
  },
  utf8Names: true,
}
