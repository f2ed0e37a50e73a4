import { isDeepStrictEqual } from 'node:util'
import { type SettingKey, settingRows } from './options.ts'
import type { Origins, Settings } from './rules.ts'

/** What becomes of settings that were read anew. */
export interface Reloaded {
  /** In effect from now on. */
  readonly settings: Settings
  /** Flags of what changed and is taken over. */
  readonly changed: readonly string[]
  /** Flags of what changed and waits for a restart. */
  readonly waiting: readonly string[]
}

/** Key and certificate, which mean nothing while HTTPS is off. */
const TLS_FILES: readonly SettingKey[] = ['tlsKey', 'tlsCert']

/** Takes over what a running process can, from settings that are in order. */
export function takeOver(current: Settings, next: Settings): Reloaded {
  const taken: Partial<Record<SettingKey, unknown>> = {}
  const changed: string[] = []
  const waiting: string[] = []
  const keepsTls = current.tlsEnabled && next.tlsEnabled
  for (const [key, { flag, reload }] of settingRows) {
    if (isDeepStrictEqual(current[key], next[key])) continue
    if (reload && (keepsTls || !TLS_FILES.includes(key))) {
      taken[key] = next[key]
      changed.push(flag)
    } else waiting.push(flag)
  }
  return { settings: { ...current, ...taken } as Settings, changed, waiting }
}

/** Where settings came from after a reload: what waits for a restart is what it was. */
export function originsAfter(
  current: Origins | undefined,
  next: Origins | undefined,
  { waiting }: Pick<Reloaded, 'waiting'>,
): Origins | undefined {
  if (current === undefined || next === undefined) return current
  const kept = settingRows
    .filter(([, { flag }]) => waiting.includes(flag))
    .map(([key]) => [key, current[key]] as const)
  return { ...next, ...Object.fromEntries(kept) }
}

/** What became of it, in lines for whoever asked. */
export function reloadText({ changed, waiting }: Pick<Reloaded, 'changed' | 'waiting'>): string {
  const list = (flags: readonly string[]) => flags.map((flag) => `--${flag}`).join(', ')
  return [
    changed.length === 0 ? 'reloaded, no setting in effect changed' : `reloaded, changed: ${list(changed)}`,
    ...(waiting.length === 0 ? [] : [`waiting for a restart: ${list(waiting)}`]),
  ]
    .map((line) => `${line}\n`)
    .join('')
}
