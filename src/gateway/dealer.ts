import type { FamilyType } from '../model/family.ts'
import type { UnitId } from '../model/unit.ts'
import type { SetFamily, SetSample } from '../store/store.ts'
import type { Home, SetPart } from './set-write.ts'

/** A family of one set, as far as a body has samples of it. */
export interface DealtFamily {
  /** Under which the set keeps it. */
  readonly name: string
  type: FamilyType
  help: string
  unit: string
  /** The newest of each series, by the text of its labels. */
  readonly samples: Map<string, DealtSample>
}

export type DealtSample = SetSample & { readonly key: string }

interface Share {
  readonly home: Home
  readonly families: Map<string, DealtFamily>
}

/** Deals the samples of a body out to their sets and families. */
export class Dealer {
  private readonly shares = new Map<UnitId, Share>()
  /** The ones before: series mostly come in the order of a scrape. */
  private share: Share | undefined
  private family: DealtFamily | undefined

  /** The family of a set by the name under which it is kept; one that is new here is of no type. */
  familyOf(home: Home, name: string): DealtFamily {
    let share = this.share
    if (share?.home.id !== home.id) {
      share = this.shares.get(home.id)
      if (share === undefined) {
        share = { home, families: new Map() }
        this.shares.set(home.id, share)
      }
      this.share = share
      this.family = undefined
    }
    if (this.family?.name === name) return this.family
    let family = share.families.get(name)
    if (family === undefined) {
      family = { name, type: 'unknown', help: '', unit: '', samples: new Map() }
      share.families.set(name, family)
    }
    this.family = family
    return family
  }

  /** What every set gets. */
  parts(): SetPart[] {
    return [...this.shares.values()].map(({ home, families }) => ({
      families: [...families.values()].map(asSetFamily),
      ...home,
    }))
  }
}

/** Keeps a sample unless a newer one of its series is there; one without a timestamp is newer than any. */
export function deal({ samples }: DealtFamily, sample: DealtSample): void {
  const known = samples.get(sample.key)
  if (known === undefined || timeOf(known) < timeOf(sample)) samples.set(sample.key, sample)
}

function timeOf({ timestampMs }: SetSample): number {
  return timestampMs ?? Number.POSITIVE_INFINITY
}

function asSetFamily({ name, type, help, unit, samples }: DealtFamily): SetFamily {
  return { name, type, help, unit, metrics: [...samples.values()] }
}
