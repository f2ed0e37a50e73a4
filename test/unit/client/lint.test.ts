import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { readBody } from '../../../src/client/check.ts'
import { type LintRule, lint } from '../../../src/client/lint.ts'
import { describeWith, peerOrThrow } from '../../support/peers.ts'

const typed = (type: string, name: string, sample = `${name} 1`) =>
  `# HELP ${name} x\n# TYPE ${name} ${type}\n${sample}\n`

/** Bodies, and the rules that they break, once for each metric. */
const BODIES: readonly (readonly [body: string, rules: readonly LintRule[]])[] = [
  [typed('gauge', 'a_seconds'), []],
  ['# TYPE a gauge\na 1\n', ['help']],
  ['a 1\n', ['help']],
  [typed('counter', 'a'), ['counter-total']],
  [typed('counter', 'a_total'), []],
  [typed('gauge', 'a_total'), ['counter-total']],
  [typed('untyped', 'a_total'), []],
  [typed('gauge', 'a_milliseconds'), ['base-unit']],
  [typed('gauge', 'a_hours'), ['base-unit']],
  [typed('gauge', 'kilobytes_used'), ['base-unit']],
  [typed('gauge', 'a_fahrenheit_bits'), ['base-unit']],
  [typed('gauge', 'thermometers'), []],
  [typed('gauge', 'a_ms'), ['abbreviated-unit']],
  [typed('gauge', 'a_kb_free'), ['abbreviated-unit']],
  [typed('gauge', 'ms_a'), []],
  [typed('gauge', 'a_bucket'), ['reserved-suffix']],
  [typed('gauge', 'a_count'), ['reserved-suffix']],
  [typed('gauge', 'a_sum'), ['reserved-suffix']],
  [typed('gauge', 'a_gauge'), ['type-in-name']],
  [typed('counter', 'a_counter_total'), ['type-in-name']],
  [typed('gauge', 'a_counter'), ['type-in-name']],
  ['# HELP a_summary_x x\na_summary_x 1\n', ['type-in-name']],
  [typed('gauge', 'a:b'), ['colon']],
  [typed('gauge', 'aB'), ['camel-case']],
  [typed('gauge', 'a', 'a{fooBar="1"} 1'), ['camel-case']],
  [typed('gauge', 'a', 'a{le="1"} 1'), ['reserved-label']],
  [typed('gauge', 'a', 'a{quantile="1"} 1'), ['reserved-label']],
  [typed('histogram', 'a_seconds', 'a_seconds_bucket{le="+Inf"} 1\na_seconds_sum 1\na_seconds_count 1'), []],
  [typed('summary', 'a_seconds', 'a_seconds{quantile="1"} 1\na_seconds_sum 1\na_seconds_count 1'), []],
  [typed('summary', 'a_hours_summary', 'a_hours_summary_count 1'), ['base-unit', 'type-in-name']],
]

function rulesOf(body: string): LintRule[] {
  return lint(readBody({ name: 'body', body: Buffer.from(body), format: 'text' })).map(({ rule }) => rule)
}

describe('conventions', () => {
  it.each(BODIES)('%j breaks %j', (body, rules) => {
    expect(rulesOf(body).sort()).toEqual([...rules].sort())
  })

  it('are told with the metric and what to do', () => {
    const [problem] = lint(readBody({ name: 'b', body: Buffer.from(typed('counter', 'a')), format: 'text' }))
    expect(problem).toEqual({
      metric: 'a',
      rule: 'counter-total',
      message: 'is a counter: its name should end in _total',
    })
  })

  it('are kept by counters of OpenMetrics, whose names lack the suffix', () => {
    const body = Buffer.from('# HELP a x\n# TYPE a counter\na_total 1\n# EOF\n')
    expect(lint(readBody({ name: 'b', body, format: 'openmetrics' }))).toEqual([])
  })
})

/** What promtool says, by our names for it. */
const SAID: readonly (readonly [RegExp, LintRule])[] = [
  [/no help text/, 'help'],
  [/use base unit/, 'base-unit'],
  [/abbreviated units/, 'abbreviated-unit'],
  [/"_total" suffix/, 'counter-total'],
  [/"_(?:bucket|count|sum)" suffix/, 'reserved-suffix'],
  [/"(?:le|quantile)" label/, 'reserved-label'],
  [/should not include type/, 'type-in-name'],
  [/should not contain ':'/, 'colon'],
  [/'snake_case'/, 'camel-case'],
]

describeWith('promtool', 'promtool', () => {
  it.each(BODIES)('says of %j that it breaks %j, too', (body, rules) => {
    const { path } = peerOrThrow('promtool')
    const { stderr } = spawnSync(path, ['check', 'metrics'], { input: body, encoding: 'utf8' })
    const said = stderr
      .split('\n')
      .filter(Boolean)
      .map((line) => SAID.find(([pattern]) => pattern.test(line))?.[1] ?? line)
    expect([...new Set(said)].sort()).toEqual([...new Set(rules)].sort())
  })
})
