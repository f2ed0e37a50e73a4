import type { ImportTally } from '../migrate/run-import.ts'
import { group } from './progress.ts'

/** What a source holds and could not give: how much of it, and the first few. */
export interface Omissions {
  count: number
  readonly first: { readonly what: string; readonly why: string }[]
}

export interface ImportOutcome {
  readonly tally: ImportTally
  readonly omissions: Omissions
  readonly seconds: number
  readonly dryRun: boolean
}

/** The outcome for programs. */
export function importJson({ tally, omissions, seconds, dryRun }: ImportOutcome): object {
  const { pieces: _, resumed, refusals, ...counts } = tally
  return {
    dryRun,
    ...counts,
    resumed,
    refusals,
    leftOut: omissions.count,
    leftOutFirst: omissions.first,
    seconds: Math.round(seconds * 1000) / 1000,
  }
}

/** The outcome for people, in lines. */
export function importLines({ tally, omissions, seconds, dryRun }: ImportOutcome): string[] {
  const { groups, sets, series, resumed, empty, skipped, replaced, refused, refusals } = tally
  const took = dryRun ? '' : ` in ${seconds.toFixed(1)} s`
  const lines = [
    `${dryRun ? 'would import' : 'imported'} ${group(series)} series: ${group(groups)} groups, ${group(sets)} sets${took}`,
  ]
  if (resumed > 0) lines.push(`${group(resumed)} were imported by an earlier run`)
  if (replaced > 0)
    lines.push(
      `${group(replaced)} of the groups ${dryRun ? 'would replace' : 'replaced'} what the gateway held`,
    )
  if (skipped > 0)
    lines.push(
      `${group(skipped)} groups left as they are, because the gateway holds them; --on-conflict=replace replaces them`,
    )
  if (empty > 0) lines.push(`${group(empty)} groups hold no metrics and were left out`)
  if (omissions.count > 0) {
    lines.push(`${group(omissions.count)} left out of the source:`)
    lines.push(...omissions.first.map(({ what, why }) => `  ${what}: ${why}`))
  }
  if (refused > 0) {
    lines.push(`${group(refused)} refused:`)
    lines.push(...refusals.map(({ labels, reason }) => `  ${labels}: ${reason}`))
  }
  return lines
}
