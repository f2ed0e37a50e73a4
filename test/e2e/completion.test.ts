import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { COMMANDS } from '../../src/cli/commands.ts'
import { startChild } from '../support/child.ts'
import { describeWith } from '../support/peers.ts'
import { runPgr } from './run-pgr.ts'

const SHELLS = ['bash', 'zsh', 'fish'] as const

let folder: string
const scripts = new Map<string, string>()

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pgr-test-completion-'))
  for (const shell of SHELLS) {
    const { code, stdout, stderr } = await runPgr(['completion', shell])
    expect([code, stderr]).toEqual([0, ''])
    const path = join(folder, `pgr.${shell}`)
    writeFileSync(path, stdout)
    scripts.set(shell, path)
  }
})
afterAll(() => rmSync(folder, { recursive: true }))

/** What a shell prints for a script that has the completion in `$1`. */
async function run(shell: (typeof SHELLS)[number], script: string, ...words: string[]): Promise<string[]> {
  const child = startChild({
    name: shell,
    command: shell,
    args: ['-c', script, ...(shell === 'fish' ? [] : [shell]), scripts.get(shell) ?? '', ...words],
    cwd: folder,
  })
  const { code } = await child.exited
  expect(code, child.output()).toBe(0)
  return child.output().split('\n').filter(Boolean).sort()
}

const topLevel = [...new Set(Object.keys(COMMANDS).map((id) => id.split(':')[0] ?? ''))].sort()

/** What is typed, word by word, and what must come of the last one; fish is given the words in a line. */
const TYPED: readonly (readonly [typed: readonly string[], words: readonly string[]])[] = [
  [[''], topLevel],
  [['gr'], ['groups']],
  [
    ['groups', ''],
    ['list', 'show', 'watch'],
  ],
  [['groups', 'list', '--st'], ['--stale']],
  [
    ['groups', 'list', '--sort', ''],
    ['expires', 'labels', 'last_push', 'series'],
  ],
  [['groups', 'list', '--failed', '--or'], ['--order']],
  [['check', 'redis', '--redis.tls.sk'], ['--redis.tls.skip-verify']],
  [['serve', '--log.level', 'd'], ['debug']],
  [
    ['completion', ''],
    ['bash', 'fish', 'zsh'],
  ],
  [['push', '--no-g'], ['--no-gzip']],
]

describe('completion', () => {
  it('is for shells that are known alone', async () => {
    const { code, stdout } = await runPgr(['completion', 'csh'])
    expect([code, stdout]).toEqual([2, ''])
  })

  describeWith('bash', 'in bash', () => {
    const COMPLETE = `source "$1"; shift; COMP_WORDS=(pgr "$@"); COMP_CWORD=$#; _pgr; printf '%s\\n' "\${COMPREPLY[@]}"`

    const SPLIT: typeof TYPED = [
      // As bash splits --sort=l.
      [
        ['groups', 'list', '--sort', '=', 'l'],
        ['labels', 'last_push'],
      ],
      [
        ['groups', 'list', '--sort', '='],
        ['expires', 'labels', 'last_push', 'series'],
      ],
      [['--redis.sentinel-s'], ['--redis.sentinel-strict']],
      // What stands behind -- is another command's.
      [['push', '--job', 'a', '--', 'ls', '--j'], []],
    ]
    it.each([...TYPED, ...SPLIT])('%j: %j', async (typed, words) => {
      expect(await run('bash', COMPLETE, ...typed)).toEqual([...words].sort())
    })

    it('completes names of files where a file is meant', async () => {
      expect(await run('bash', COMPLETE, 'push', '--password-file', 'pgr.b')).toEqual(['pgr.bash'])
    })

    it('knows every command and every flag that help shows', async () => {
      for (const [id, { flags = {} }] of Object.entries(COMMANDS)) {
        const shown = Object.entries(flags).filter(([, flag]) => !flag.hidden)
        const words = await run('bash', COMPLETE, ...id.split(':'), '--')
        expect(words).toEqual(expect.arrayContaining(shown.map(([name]) => `--${name}`)))
      }
    })
  })

  describeWith('fish', 'in fish', () => {
    it.each(TYPED)('%j: %j', async (typed, words) => {
      const lines = await run('fish', 'source $argv[1]; complete -C $argv[2]', `pgr ${typed.join(' ')}`)
      expect(lines.map((line) => line.split('\t')[0]).sort()).toEqual([...words].sort())
    })
  })

  describeWith('zsh', 'in zsh', () => {
    it('is a script that zsh takes', async () => {
      expect(await run('zsh', 'zsh -n "$1"')).toEqual([])
      expect(await run('zsh', 'autoload -U compinit; compinit -u -D; source "$1"; whence -w _pgr')).toEqual([
        '_pgr: function',
      ])
    })
  })
})
