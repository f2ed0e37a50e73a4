import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { COMMANDS } from '../../../src/cli/commands.ts'
import { catalogue } from '../../../src/errors/catalogue.ts'
import { COMMAND_IDS, examplesOf } from '../../support/command-examples.ts'
import { readBlocks } from '../../support/page-commands.ts'
import { cliReference } from './cli-reference.ts'

const page = readFileSync(new URL('../../../docs/cli.md', import.meta.url), 'utf8')
const MARKED = /(?<=\n<!-- reference -->\n)[\s\S]*(?=<!-- end of reference -->\n)/

describe('docs/cli.md', () => {
  // Written anew by running this file with -u.
  it('has the reference of every command', async () => {
    expect(page).toMatch(MARKED)
    await expect(page.replace(MARKED, () => `\n${cliReference()}\n`)).toMatchFileSnapshot(
      '../../../docs/cli.md',
    )
  })

  it('has every exit code a failure can end with', () => {
    const [, table = ''] = page.split('## Exit codes')
    for (const { exit } of Object.values(catalogue))
      expect(table).toMatch(new RegExp(`^\\| ${exit} \\|`, 'm'))
  })

  it('names commands and flags that exist', () => {
    const tasks = page.replace(MARKED, '')
    const typed = readBlocks(tasks).flatMap(({ command }) => command.split('\n'))
    const ours = typed.flatMap((line) =>
      [...line.matchAll(/\bpgr ([a-z][^|>;&]*)/g)].map(([, words = '']) => words),
    )
    expect(ours.length).toBeGreaterThan(10)
    for (const words of ours) {
      const [first = '', second = ''] = words.trim().split(/\s+/)
      const id = COMMAND_IDS.find((each) => each === `${first}:${second}` || each === first)
      expect(id, words).toBeDefined()
      const known = Object.keys((id && COMMANDS[id].flags) ?? {})
      const [ofPgr = ''] = words.split(' -- ')
      for (const [, flag = ''] of ofPgr.matchAll(/ --(?:no-)?([a-z][a-z.-]*)/g))
        expect(
          known.some((name) => name === flag || name === `no-${flag}`),
          `--${flag} of ${words}`,
        ).toBe(true)
    }
  })
})

describe.each(COMMAND_IDS)('the help of %s', (id) => {
  it('has a summary, a description and some examples', () => {
    const { summary, description } = COMMANDS[id]
    expect([summary, description]).toEqual([expect.stringMatching(/\.$/), expect.stringMatching(/\.$/)])
    expect(examplesOf(id).length).toBeGreaterThan(1)
  })

  it('has a sentence for every flag', () => {
    const shown = Object.entries(COMMANDS[id].flags ?? {}).filter(([, flag]) => !flag.hidden)
    for (const [name, { summary }] of shown) expect(summary, name).toMatch(/^[A-Z`].*[.\]]$/s)
  })
})
