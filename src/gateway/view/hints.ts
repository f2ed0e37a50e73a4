import type { FamilyType } from '../../model/family.ts'

/** What someone said of a family whose series came without saying so. */
export interface Hint {
  readonly type: FamilyType
  readonly help: string
  readonly unit: string
}

const NO_HINT: Hint = { type: 'unknown', help: '', unit: '' }

/**
 * Hints by the name of the family. Series without a type of their own take it from here; all others know better. Where
 * metadata names a family without the suffix of its series, as OpenMetrics does, the hint is for these.
 */
export class Hints {
  readonly #byName = new Map<string, Hint>()

  get(name: string): Hint | undefined {
    return this.#byName.get(name)
  }

  set(name: string, hint: Hint | undefined): void {
    if (hint === undefined) this.#byName.delete(name)
    else this.#byName.set(name, hint)
  }

  /** What to show a family with whose samples are plain numbers without a type. The same object while nothing changes. */
  ofNumbers(name: string): Hint {
    const hint =
      this.#byName.get(name) ?? this.#ofStem(name, '_total', 'counter') ?? this.#ofStem(name, '_info', 'info')
    return hint ?? NO_HINT
  }

  #ofStem(name: string, suffix: string, type: FamilyType): Hint | undefined {
    if (!name.endsWith(suffix)) return undefined
    const hint = this.#byName.get(name.slice(0, -suffix.length))
    return hint?.type === type ? hint : undefined
  }
}

/** Names of the families of numbers that a hint for `name` is for. */
export function namesHinted(name: string): readonly string[] {
  return [name, `${name}_total`, `${name}_info`]
}
