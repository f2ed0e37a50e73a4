import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const RULES_FILE = join(import.meta.dirname, 'rooms.cjs')
const require = createRequire(import.meta.url)
const { forbidden } = require(RULES_FILE) as { forbidden: { name: string }[] }
const RULES = forbidden.map((rule) => rule.name)

/** Far below what there is and far above what a check that sees nothing would report. */
const FEWEST_MODULES = 60

interface Verdict {
  readonly violations: readonly {
    readonly from: string
    readonly to: string
    readonly rule: { readonly name: string }
  }[]
  readonly totalCruised: number
}

/** The same command as `npm run rooms`, in another folder and for a machine to read. */
function check(folder: string): Verdict {
  const program = join(ROOT, 'node_modules/.bin/depcruise')
  const args = [program, 'src', '--config', RULES_FILE, '--output-type', 'json']
  const { stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  })
  if (stdout === '') throw new Error(stderr)
  return (JSON.parse(stdout) as { summary: Verdict }).summary
}

/** A breach is in a file named after the rule; these can only be committed by the root itself. */
const ELSEWHERE: Record<string, string> = { 'cli-on-top': 'app', 'one-process': 'index' }

describe('the rooms', () => {
  it('are kept by every import there is', () => {
    const { violations, totalCruised } = check(ROOT)
    expect(violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`)).toEqual([])
    expect(totalCruised).toBeGreaterThan(FEWEST_MODULES)
  })

  describe('would be noticed if', () => {
    const breaches = check(join(import.meta.dirname, 'breaches')).violations.map(
      ({ rule, from }) => `${rule.name} in ${basename(from, '.ts')}`,
    )

    it.each(RULES)('%s were broken', (rule) => {
      expect(breaches).toContain(`${rule} in ${ELSEWHERE[rule] ?? rule}`)
    })
  })
})
