import { type Metric, median } from '../harness/results.ts'
import type { Run } from '../harness/run.ts'
import type { Point } from './plot.ts'

/** One metric of one party over all runs: the median of their medians, and how far single rounds lay apart. */
export interface Figure {
  readonly median: number
  readonly min: number
  readonly max: number
  /** Median ÷ median of the peer, likewise. */
  readonly ratio?: number
}

/** What runs came to, looked up by measure, case, party and metric. */
export class Figures {
  readonly runs: readonly Run[]

  constructor(runs: readonly Run[]) {
    this.runs = runs
  }

  /** Undefined where no run measured it. */
  of(measure: string, what: string, party: string, metric: Metric): Figure | undefined {
    const found = this.runs.flatMap(({ measures }) =>
      measures
        .filter(({ id }) => id === measure)
        .flatMap(({ summaries }) => summaries)
        .filter((each) => each.what === what && each.party === party && each.metric === metric),
    )
    if (found.length === 0) return undefined
    const ratios = found.flatMap(({ ratio }) => (ratio === undefined ? [] : [ratio]))
    return {
      median: median(found.map((each) => each.median)),
      min: Math.min(...found.map(({ min }) => min)),
      max: Math.max(...found.map(({ max }) => max)),
      ...(ratios.length === 0 ? {} : { ratio: median(ratios) }),
    }
  }

  /** A line over what grows; cases that were not measured are left out. `scale` takes a value to the unit of the axis. */
  line(
    xs: readonly number[],
    at: (x: number) => readonly [measure: string, what: string],
    party: string,
    { metric, scale = 1 }: { readonly metric: Metric; readonly scale?: number },
  ): Point[] {
    return xs.flatMap((x) => {
      const [measure, what] = at(x)
      const figure = this.of(measure, what, party, metric)
      if (figure === undefined) return []
      return { x, y: figure.median * scale, min: figure.min * scale, max: figure.max * scale }
    })
  }

  /** Cases of a measure, in the order in which they were measured. */
  cases(measure: string): string[] {
    const summaries = this.runs.flatMap(({ measures }) =>
      measures.filter(({ id }) => id === measure).flatMap((each) => each.summaries),
    )
    return [...new Set(summaries.map(({ what }) => what))]
  }

  /** Who took part in a case. */
  parties(measure: string, what: string): string[] {
    const summaries = this.runs.flatMap(({ measures }) =>
      measures.filter(({ id }) => id === measure).flatMap((each) => each.summaries),
    )
    return [...new Set(summaries.filter((each) => each.what === what).map(({ party }) => party))]
  }
}
