import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { COMMANDS } from '../../../src/cli/commands.ts'
import { catalogue } from '../../../src/errors/catalogue.ts'

const PAGE = readFileSync(new URL('../../../docs/cli.md', import.meta.url), 'utf8')

/** The part of the page about one command. */
function section(id: string): string {
  const [, text = ''] = PAGE.split(`## pgr ${id.replace(':', ' ')}\n`)
  return text.split('\n## ')[0] ?? ''
}

/** Flags that a table of the page has a row for. */
function documentedFlags(id: string): string[] {
  const rows = section(id).match(/^\| `--[^|]*\|/gm) ?? []
  return rows.map((row) => /`--(?:no-)?([a-z-]+)`/.exec(row)?.[1] ?? '').sort()
}

function ownFlags(id: keyof typeof COMMANDS): [string, { char?: string | undefined; default?: unknown }][] {
  const flags = Object.entries(COMMANDS[id].flags ?? {})
  return flags.filter(([, flag]) => !flag.hidden).sort(([a], [b]) => (a < b ? -1 : 1))
}

describe('docs/cli.md', () => {
  it('has a section for every command and for no other', () => {
    const sections = [...PAGE.matchAll(/^## pgr (.*)$/gm)].map(([, name]) => name?.replace(' ', ':'))
    expect(sections.sort()).toEqual(Object.keys(COMMANDS).sort())
  })

  it.each(['push', 'export', 'import', 'check:config', 'check:web-config', 'hash-password'] as const)(
    'lists the flags of %s, all of them and no other',
    (id) => {
      expect(documentedFlags(id)).toEqual(ownFlags(id).map(([name]) => name))
      expect(documentedFlags(id).length).toBeGreaterThan(0)
    },
  )

  it('names short forms and defaults as they are', () => {
    for (const [name, flag] of ownFlags('push')) {
      const row = section('push').match(new RegExp(`^\\| \`--(?:no-)?${name}\`.*$`, 'm'))?.[0] ?? ''
      if (flag.char) expect(row).toContain(`\`-${flag.char}\``)
      if (typeof flag.default === 'string' || typeof flag.default === 'number')
        expect(row).toContain(String(flag.default))
    }
  })

  it('leaves the flags of serve to the page of settings', () => {
    expect(section('serve')).toContain('(configuration.md)')
  })

  it('has every exit code a failure can end with', () => {
    const [, table = ''] = PAGE.split('## Exit codes')
    for (const { exit } of Object.values(catalogue))
      expect(table).toMatch(new RegExp(`^\\| ${exit} \\|`, 'm'))
  })
})
