/**
 * config: every setting declared once; flags, environment names, YAML keys, the reference page and the JSON Schema all
 * follow from the table in `options.ts`.
 */
import type { Kind } from './kinds.ts'

export const GROUPS = [
  'General',
  'Listening',
  'Paths',
  'Store',
  'Redis',
  'Pushing',
  'OpenTelemetry',
  'Limits',
  'Scraping',
  'Stopping',
  'Operating',
  'Log',
] as const

export type Group = (typeof GROUPS)[number]

/** One row of the table. */
export interface Setting<Value> {
  /** Name on the command line, without dashes. The environment name and the YAML key are derived from it. */
  readonly flag: string
  readonly short?: string
  readonly kind: Kind<Value>
  readonly fallback: Value
  /** One sentence that a stranger understands. */
  readonly doc: string
  readonly group: Group
  /** Other flags that mean the same; their environment names and YAML keys are accepted too. */
  readonly aliases?: readonly string[]
  /** YAML keys, nested by dots, accepted beside the derived ones. */
  readonly yamlAliases?: readonly string[]
  /** Never shown; may also be read from a file, by the same names with `file` appended. */
  readonly secret?: true
  /** The configuration file cannot set this. */
  readonly notInFile?: true
  /** Whether a change is taken over without a restart. */
  readonly reload: boolean
}

/** A name of other programs that is accepted, does nothing, and is warned about. */
export interface Ignored {
  readonly flag: string
  /** Completes the sentence "… has no effect: …". */
  readonly because: string
}

export function setting<Value>(
  row: Omit<Setting<Value>, 'fallback' | 'reload'> & {
    readonly fallback: NoInfer<Value>
    readonly reload?: true
  },
): Setting<Value> {
  return { reload: false, ...row }
}

/** `redis.tls.skip-verify` → `PGR_REDIS_TLS_SKIP_VERIFY`. */
export function envName(flag: string): string {
  return `PGR_${flag.replaceAll(/[.-]/g, '_').toUpperCase()}`
}

/** `redis.tls.skip-verify` → `redis.tls.skip_verify`, one YAML mapping per dot. */
export function yamlKey(flag: string): string {
  return flag.replaceAll('-', '_')
}

export function flagsOf(row: Pick<Setting<unknown>, 'flag' | 'aliases'>): readonly string[] {
  return [row.flag, ...(row.aliases ?? [])]
}

/** Every YAML key of a row, the preferred one first; none when the file cannot set it. */
export function yamlKeysOf(row: Setting<unknown>): readonly string[] {
  return row.notInFile ? [] : [...flagsOf(row).map(yamlKey), ...(row.yamlAliases ?? [])]
}
