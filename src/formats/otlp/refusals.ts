/** Reasons that one answer spells out; of a body full of faults the first tell enough. */
const MOST_REASONS = 10

/**
 * What of a request was not taken, and why: the same fault of many points is told once. With no points, a reason is a
 * warning.
 */
export class Refusals {
  /** Data points that were refused. */
  points = 0
  private readonly reasons = new Map<string, { points: number }>()
  private untold = 0

  /** `what` is a sentence without its end. */
  add(points: number, what: string): void {
    this.points += points
    const told = this.reasons.get(what)
    if (told !== undefined) told.points += points
    else if (this.reasons.size < MOST_REASONS) this.reasons.set(what, { points })
    else this.untold++
  }

  /** Empty when there is nothing to tell. */
  get message(): string {
    const told = [...this.reasons].map(([what, { points }]) =>
      points > 1 ? `${what} (${points} points)` : what,
    )
    if (this.untold > 0) told.push(`and ${this.untold} more`)
    return told.join('; ')
  }
}
