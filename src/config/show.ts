import { type SettingKey, settingRows } from './options.ts'
import type { Origins, Settings } from './rules.ts'
import type { Setting } from './setting.ts'

/** A setting in effect, fit for a log line or a page: no secret in it. */
export interface ShownSetting {
  readonly key: SettingKey
  readonly flag: string
  /** As one would write it; `***` for a secret that is set, empty when there is no value. */
  readonly text: string
  /** Numbers and switches as they are, everything else as text. */
  readonly value: string | number | boolean
  readonly from: Origins[SettingKey]['from']
  /** The flag, variable, or place in the file; empty for a default. */
  readonly origin: string
}

/** Every setting in the order of the table, secrets masked. */
export function showSettings(settings: Settings, origins: Origins): readonly ShownSetting[] {
  return settingRows.map(([key, row]) => {
    const value: unknown = settings[key]
    const text = showValue(row, value)
    const isPlain = row.kind.isSwitch || row.kind.name === 'port' || row.kind.name === 'integer'
    return {
      key,
      flag: row.flag,
      text,
      value: isPlain ? (value as number | boolean) : text,
      from: origins[key].from,
      origin: origins[key].name,
    }
  })
}

const WHENCE = {
  default: 'default',
  flag: 'flag',
  env: 'environment',
  file: 'file',
  program: 'program',
} as const

/**
 * The same as text, each with where it came from: `program` for all where nobody says, as when a program starts the server.
 */
export function showOrigins(
  settings: Settings,
  origins: Origins | undefined,
): readonly { flag: string; value: string; from: string; origin: string }[] {
  return settingRows.map(([key, row]) => ({
    flag: row.flag,
    value: showValue(row, settings[key]),
    from: WHENCE[origins?.[key].from ?? 'program'],
    origin: origins?.[key].name ?? '',
  }))
}

/** The text of every setting by its flag, in the order of the table, secrets masked. */
export function showFlags(settings: Settings): Record<string, string> {
  return Object.fromEntries(settingRows.map(([key, row]) => [row.flag, showValue(row, settings[key])]))
}

function showValue(row: Setting<unknown>, value: unknown): string {
  if (row.secret) return value === '' ? '' : '***'
  return row.kind.show(value)
}
