import type { Command } from '@oclif/core/command'
import { COMMANDS } from '../../../src/cli/commands.ts'
import { COMMAND_IDS, type CommandId, examplesOf } from '../../support/command-examples.ts'

type Flag = NonNullable<Command.Class['flags']>[string]

/** The reference of the command line, made of what help is made of. */
export function cliReference(): string {
  return COMMAND_IDS.map(section).join('\n')
}

function section(id: CommandId): string {
  const name = `pgr ${id.replaceAll(':', ' ')}`
  const { summary = '', description = '' } = COMMANDS[id]
  const rows = [...argRows(id), ...(id === 'serve' ? [] : flagRows(id))]
  const table =
    rows.length === 0
      ? ''
      : `| Argument or flag | Default | What it does |\n| --- | --- | --- |\n${rows.join('')}\n`
  const settings = id === 'serve' ? 'Its flags are the [settings](configuration.md).\n\n' : ''
  const examples = examplesOf(id).map(({ description, command }) => `    # ${description}\n    ${command}\n`)
  return `### ${name}\n\n${summary}\n\n${description}\n\n${settings}${table}${examples.join('\n')}`
}

function argRows(id: CommandId): string[] {
  return Object.entries(COMMANDS[id].args ?? {}).map(([name, { description = '', options }]) => {
    const shown = options === undefined ? code(name.toUpperCase()) : options.map(code).join(', ')
    return row(shown, '', description)
  })
}

/** Those of every command last, as in help. */
function flagRows(id: CommandId): string[] {
  const shown = Object.entries(COMMANDS[id].flags ?? {}).filter(([, flag]) => !flag.hidden)
  const isGlobal = ([, flag]: [string, Flag]): boolean => flag.helpGroup === 'GLOBAL'
  return [...shown.filter((each) => !isGlobal(each)), ...shown.filter(isGlobal)].map(([name, flag]) =>
    flagRow(name, flag),
  )
}

function flagRow(name: string, flag: Flag): string {
  const long = `--${flag.type === 'boolean' && flag.allowNo ? '[no-]' : ''}${name}`
  const what = valueName(flag)
  const names = [code(what === '' ? long : `${long}=${what}`), ...(flag.char ? [code(`-${flag.char}`)] : [])]
  const [, inSummary] = /\[default: ([^\],]+)/.exec(flag.summary ?? '') ?? []
  const summary = (flag.summary ?? '').replace(/ ?\[(?:default|env): [^\]]*\]/g, '')
  const fallback =
    typeof flag.default === 'boolean' ? (flag.default ? 'on' : '') : (flag.default ?? inSummary)
  const environment = flag.env ?? /env: (PGR_\w+)/.exec(flag.summary ?? '')?.[1]
  const origins = [
    ...(environment === undefined ? [] : [code(environment)]),
    ...(fallback === undefined || fallback === '' ? [] : [code(String(fallback))]),
  ]
  return row(names.join(', '), origins.join(', else '), summary)
}

function valueName(flag: Flag): string {
  if (flag.type === 'boolean') return ''
  if (flag.options !== undefined) return flag.options.join('|')
  return typeof flag.helpValue === 'string' ? flag.helpValue.replace(/^<|>$/g, '') : 'value'
}

function row(...cells: string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`
}

function code(text: string): string {
  return `\`${text}\``
}
