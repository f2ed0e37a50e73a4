import * as Flags from '@oclif/core/flags'
import type * as Interfaces from '@oclif/core/interfaces'
import { ignoredSettings, settingRows } from '../config/options.ts'
import type { FlagValue } from '../config/resolve.ts'
import { envName, flagsOf, type Setting } from '../config/setting.ts'

type ServerFlags = Interfaces.FlagInput
type ServerFlag = ServerFlags[string]
/** Whether help leaves out the flags of a row. */
type HidesRow = (row: Setting<unknown>) => boolean

/**
 * A flag for every row of the settings table. They carry no default and no environment name of their own: whether a flag
 * was typed must stay visible, and a list in the environment would come out as one text.
 */
export function makeServerFlags({ hidden }: { readonly hidden: boolean | HidesRow }): ServerFlags {
  const flags: ServerFlags = {}
  for (const [, row] of settingRows) {
    const hides = typeof hidden === 'boolean' ? hidden : hidden(row)
    for (const flag of flagsOf(row)) {
      const isAlias = flag !== row.flag
      flags[flag] = makeFlag(row, { hidden: hides || isAlias, isAlias })
      if (row.secret) flags[`${flag}-file`] = makeSecretFileFlag(row, hides)
    }
  }
  for (const { flag } of ignoredSettings) flags[flag] = Flags.string({ hidden: true })
  return flags
}

/** For commands that read settings as `serve` does; its help has them. */
export const hiddenServerFlags = makeServerFlags({ hidden: true })

/** For commands that deal with the store alone: its help has what concerns Redis. */
export const redisFlags = makeServerFlags({
  hidden: ({ flag }) => !flag.startsWith('redis.') && flag !== 'config.file',
})

/** The flags that were typed, as the settings want them. */
export function givenFlags(parsed: Readonly<Record<string, unknown>>): ReadonlyMap<string, FlagValue> {
  const known = new Set(Object.keys(hiddenServerFlags))
  const given = new Map<string, FlagValue>()
  for (const [flag, value] of Object.entries(parsed)) {
    if (known.has(flag) && value !== undefined) given.set(flag, value as FlagValue)
  }
  return given
}

function makeFlag(
  row: Setting<unknown>,
  { hidden, isAlias }: { readonly hidden: boolean; readonly isAlias: boolean },
): ServerFlag {
  const shared = {
    hidden,
    summary: `${row.doc} ${origins(row)}`,
    helpGroup: row.group,
    ...(row.short && !isAlias ? { char: row.short as Interfaces.AlphabetLowercase } : {}),
  }
  if (row.kind.isSwitch) return Flags.boolean({ ...shared, allowNo: true })
  const helpValue = `<${valueName(row)}>`
  if (row.kind.list) return Flags.string({ ...shared, helpValue, multiple: true, multipleNonGreedy: true })
  return Flags.string({ ...shared, helpValue })
}

function makeSecretFileFlag(row: Setting<unknown>, hidden: boolean): ServerFlag {
  return Flags.string({
    hidden,
    summary: `File that holds the value of --${row.flag}. [env: ${envName(row.flag)}_FILE]`,
    helpGroup: row.group,
    helpValue: '<path>',
  })
}

function origins(row: Setting<unknown>): string {
  const shown = row.kind.isSwitch ? '' : row.kind.show(row.fallback)
  return `[${shown === '' ? '' : `default: ${shown}, `}env: ${envName(row.flag)}]`
}

/** One word for help: words to choose from, or the kind. */
function valueName({ kind }: Setting<unknown>): string {
  return kind.name.includes('`')
    ? kind.name.replaceAll(/`/g, '').replaceAll(', ', '|')
    : kind.name.replaceAll(' ', '-')
}
