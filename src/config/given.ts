import { PgrError } from '../errors/pgr-error.ts'
import type { SettingKey } from './options.ts'

/** Where a value came from; `name` is the flag, the variable, or file, line, column and key. */
export interface Origin {
  readonly from: 'flag' | 'env' | 'file' | 'default'
  readonly name: string
}

/** One value as somebody gave it, not yet read. */
export interface Given {
  readonly text: string
  readonly origin: Origin
  /** `text` names a file that holds the value. */
  readonly inFile: boolean
}

export type GivenValues = Map<SettingKey, Given>

/** Something the operator should hear about although the start goes on. */
export interface Notice {
  readonly level: 'info' | 'warn'
  readonly message: string
}

/** Adds a value; a setting that one source gives twice is refused, since one of the two would silently lose. */
export function addGiven(values: GivenValues, key: SettingKey, given: Given): void {
  const earlier = values.get(key)
  if (earlier) {
    throw new PgrError(
      'PGR_SETTING_INVALID',
      `${earlier.origin.name} and ${given.origin.name} mean the same setting: give only one of them`,
    )
  }
  values.set(key, given)
}

export function refuse(message: string): never {
  throw new PgrError('PGR_SETTING_INVALID', message)
}
