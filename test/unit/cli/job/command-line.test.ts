import { describe, expect, it } from 'vitest'
import { cutCommandLine, showCommand } from '../../../../src/cli/job/command-line.ts'

describe('a command line with a command to run', () => {
  it.each([
    ['no command', '--job a file', { own: ['--job', 'a', 'file'] }],
    [
      'words that repeat, in their order',
      '--job a -- ls -l --job b --json',
      { own: ['--job', 'a'], command: ['ls', '-l', '--job', 'b', '--json'] },
    ],
    ['another -- in the command', '-- a -- b', { own: [], command: ['a', '--', 'b'] }],
    ['nothing behind', '--job a --', { own: ['--job', 'a'], command: [] }],
  ])('is cut at the first --: %s', (_what, line, cut) => {
    expect(cutCommandLine(line.split(' '))).toEqual(cut)
  })
})

it.each([
  [['ls', '-l', '/a/b'], 'ls -l /a/b'],
  [['sh', '-c', 'echo $HOME'], "sh -c 'echo $HOME'"],
  [["it's", ''], `'it'\\''s' ''`],
])('%j is shown as one would type it', (words, shown) => {
  expect(showCommand(words)).toBe(shown)
})
