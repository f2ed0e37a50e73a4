import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { confirm } from '../../../src/cli/confirm.ts'

/** A terminal on which this is typed. */
function typing(text: string, isTTY = true) {
  const output = new PassThrough()
  const input = Object.assign(new PassThrough(), { isTTY })
  input.end(text)
  return { input, output, shown: () => String(output.read() ?? '') }
}

const ALL = { what: 'everything', word: 'wipe', yes: false }

describe('what cannot be brought back', () => {
  it('is done when the word is typed, and asked for beside stdout', async () => {
    const terminal = typing('wipe\n')
    await confirm(terminal, ALL)
    expect(terminal.shown()).toContain('This removes everything for good. Type wipe to go on: ')
  })

  it.each([['yes\n'], ['\n'], [''], ['wipe it\n']])('is not done for %j', async (typed) => {
    await expect(confirm(typing(typed), ALL)).rejects.toMatchObject({ code: 'PGR_SETTING_INVALID' })
  })

  it('is done without a question with --yes', async () => {
    const terminal = typing('', false)
    await confirm(terminal, { ...ALL, yes: true })
    expect(terminal.shown()).toBe('')
  })

  it('is not done where nobody can be asked, whatever is piped in', async () => {
    await expect(confirm(typing('wipe\n', false), ALL)).rejects.toThrow('--yes')
  })

  it('ends as a shell has it after Ctrl-C', async () => {
    await expect(confirm(typing('\u0003'), ALL)).rejects.toMatchObject({ oclif: { exit: 130 } })
  })
})
