import { PgrError } from '../errors/pgr-error.ts'
import type { SampleLimits } from './format.ts'

/** What one body may still bring: everything that becomes an object is paid for before it is made. */
export class Budget {
  private left: number
  private readonly limit: number

  constructor({ seriesPerPush }: SampleLimits) {
    this.limit = seriesPerPush
    this.left = seriesPerPush
  }

  /** Throws PGR_LIMIT_EXCEEDED when there is not so much left. */
  take(series: number): void {
    this.left -= series
    if (this.left < 0)
      throw new PgrError(
        'PGR_LIMIT_EXCEEDED',
        `the body has more than the ${this.limit} series allowed; raise --push.max-series if it is meant`,
      )
  }
}
