import { type Labels, mergeLabels, showLabels } from '../model/labels.ts'
import type { Tell } from '../telemetry/events.ts'
import type { Home } from './set-write.ts'

/** Series whose last start time is remembered. */
const MOST_SERIES = 100_000
/** A series that two processes write is warned about so often at most. */
const TOLD_AGAIN_MS = 10 * 60_000

interface Known {
  startMs: number
  toldAtMs: number
}

/**
 * Finds series that two processes write in turns: the start time of one that restarted never goes back. Hears of a start
 * time when it is written, which is seldom.
 */
export class Contested {
  private known = new Map<string, Known>()
  private readonly tell: Tell

  constructor(tell: Tell) {
    this.tell = tell
  }

  started(family: string, { home, labels, key }: SeriesOfHome, startMs: number, nowMs: number): void {
    const id = `${home.id}${family}\u0000${key}`
    const known = this.known.get(id)
    if (known === undefined) {
      if (this.known.size === MOST_SERIES) this.known = new Map()
      this.known.set(id, { startMs, toldAtMs: Number.NEGATIVE_INFINITY })
      return
    }
    const wentBack = startMs < known.startMs
    known.startMs = startMs
    if (!wentBack) return
    const isTold = nowMs - known.toldAtMs < TOLD_AGAIN_MS
    if (!isTold) known.toldAtMs = nowMs
    this.tell({
      kind: 'otlp.contested',
      family,
      series: showLabels(mergeLabels(labels, home.labels)),
      isTold,
    })
  }
}

interface SeriesOfHome {
  readonly home: Home
  readonly labels: Labels
  /** `labelKey` of the labels. */
  readonly key: string
}
