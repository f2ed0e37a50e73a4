import { checkStore, type StoreCheck } from '../app.ts'
import type { FlagValue } from '../config/resolve.ts'
import { resolveSettings } from '../config/resolve.ts'
import { PgrError } from '../errors/pgr-error.ts'
import { factsText } from './facts.ts'
import { readTextFile } from './input.ts'
import type { Screen } from './screen.ts'
import { givenFlags } from './server-flags.ts'
import { findingsText, primariesText } from './status-text.ts'
import type { Cell } from './table.ts'

/**
 * Looks at the Redis that `serve` would use with these flags; without an endpoint anywhere, at :6379. Throws
 * PGR_SETTING_INVALID for settings that cannot be used, and for such as ask for another store.
 */
export async function checkRedis(parsed: Readonly<Record<string, unknown>>): Promise<StoreCheck> {
  const given = new Map<string, FlagValue>(givenFlags(parsed))
  const sources = { env: process.env, readFile: readTextFile }
  const { settings, origins } = resolveSettings({ ...sources, flags: given })
  if (settings.store === 'redis') return checkStore(settings)
  if (origins.store.from !== 'default')
    throw new PgrError(
      'PGR_SETTING_INVALID',
      `the settings ask for the ${settings.store} store (${origins.store.name}); there is no redis to check`,
    )
  return checkStore(resolveSettings({ ...sources, flags: given.set('store', 'redis') }).settings)
}

/** Whether a gateway can work with it as it is, but for findings that are accepted. */
export function isUsable({ reason, report }: StoreCheck, accepted: readonly string[]): boolean {
  return reason === undefined && report.findings.every(({ ok, finding }) => ok || accepted.includes(finding))
}

export function redisJson({ report, reason, roundTripsMs }: StoreCheck, ok: boolean): object {
  return {
    ok,
    usable: reason === undefined,
    ...(reason === undefined ? {} : { reason }),
    facts: Object.fromEntries(report.facts),
    findings: report.findings,
    primaries: report.primaries,
    latency_ms: latencyOf(roundTripsMs),
  }
}

export function redisText(
  { report, reason, roundTripsMs }: StoreCheck,
  accepted: readonly string[],
  screen: Screen,
): string {
  const latency = latencyOf(roundTripsMs)
  const facts: (readonly [string, Cell])[] = [
    ['usable', reason === undefined ? { raw: 'yes', paint: 'green' } : { raw: 'no', paint: 'red' }],
    ...(reason === undefined ? [] : [['reason', { raw: reason, paint: 'red' as const }] as const]),
    ...[...report.facts].map(([name, value]) => [name.replaceAll('_', ' '), { raw: String(value) }] as const),
    ...(latency === null
      ? []
      : [['latency', { raw: `${latency.median} ms (${latency.least} to ${latency.most} ms)` }] as const]),
  ]
  const findings = report.findings.map((finding) =>
    !finding.ok && accepted.includes(finding.finding)
      ? { ...finding, message: `accepted: ${finding.message}` }
      : finding,
  )
  return [factsText(facts, screen), findingsText(findings, screen), primariesText(report.primaries, screen)]
    .filter((part) => part !== '')
    .join(screen.isTerminal ? '\n' : '')
}

/** Of questions that change nothing, one after the other; null when none was answered. */
function latencyOf(roundTripsMs: readonly number[]): { least: number; median: number; most: number } | null {
  if (roundTripsMs.length === 0) return null
  const sorted = [...roundTripsMs].sort((a, b) => a - b)
  const at = (share: number): number =>
    Math.round(100 * (sorted[Math.floor(share * (sorted.length - 1))] ?? 0)) / 100
  return { least: at(0), median: at(0.5), most: at(1) }
}
