import { describe, expect, it } from 'vitest'
import { PgrError } from '../../../src/errors/pgr-error.ts'
import { sortLabels } from '../../../src/model/labels.ts'
import { parseSelector } from '../../../src/model/selector.ts'

const labels = (of: Record<string, string>) =>
  sortLabels(Object.entries(of).map(([name, value]) => ({ name, value })))

function refusal(text: string): string {
  try {
    parseSelector(text)
  } catch (reason) {
    if (reason instanceof PgrError && reason.code === 'PGR_SELECTOR_INVALID') return reason.message
    throw reason
  }
  throw new Error('expected a refusal')
}

describe('a selector', () => {
  it.each<[string, Record<string, string>, boolean]>([
    ['{job="a"}', { job: 'a' }, true],
    ['{job="a"}', { job: 'b' }, false],
    ['{job="a"}', {}, false],
    ['{job="a",instance=""}', { job: 'a' }, true],
    ['{job="a",instance=""}', { job: 'a', instance: 'i' }, false],
    [' { job = "a" , instance != "x" , } ', { job: 'a', instance: 'i' }, true],
    ['{job!=""}', { job: 'a' }, true],
    ['{job!=""}', { instance: 'a' }, false],
    ['{job=~"a|b"}', { job: 'b' }, true],
    ['{job=~"a"}', { job: 'ab' }, false],
    ['{job=~"a.c"}', { job: 'a\nc' }, true],
    ['{job=~"(?i)A"}', { job: 'a' }, true],
    ['{job!~"a.*",instance="i"}', { job: 'ab', instance: 'i' }, false],
    ['{job!~"a.*",instance="i"}', { instance: 'i' }, true],
    ["{job='it\\'s'}", { job: "it's" }, true],
    ['{job=`a\\b`}', { job: 'a\\b' }, true],
    ['{job="\\x41\\u00e9\\U0001F600\\101\\n\\\\\\""}', { job: 'Aé😀A\n\\"' }, true],
    ['{"da.ta"="1"}', { 'da.ta': '1' }, true],
    ['{__proto__="1"}', { job: 'a' }, false],
  ])('%s of %j: %s', (text, of, selected) => {
    expect(parseSelector(text)(labels(of))).toBe(selected)
  })

  it.each([
    ['', 'must begin with "{"'],
    ['up{job="a"}', 'without a metric name'],
    ['{', 'not the end'],
    ['{job}', '=, !=, =~ or !~'],
    ['{job=a}', 'a value in quotes'],
    ['{job="a" instance="b"}', '"," or "}", not "i"'],
    ['{job="a"} x', 'the end, not "x"'],
    ['{1="a"}', 'the name of a label'],
    ['{""="a"}', '"" is no name'],
    ['{job="\\q"}', 'escape \\q'],
    ['{job="\\UFFFFFFFF"}', 'escape'],
    ['{job=~"("}', 'no regular expression'],
    ['{job=~"(?=a)"}', 'no regular expression'],
    ['{}', 'selects everything'],
    ['{job=~".*"}', 'selects everything'],
    ['{job!="a"}', 'selects everything'],
    [`{job="${'a'.repeat(10_000)}"}`, 'more than 10000 characters'],
  ])('%s is refused', (text, words) => {
    expect(refusal(text)).toContain(words)
  })

  it('takes no longer than the text is long, whatever the expression', () => {
    const selects = parseSelector('{job=~"(a+)+b"}')
    expect(selects(labels({ job: 'a'.repeat(10_000) }))).toBe(false)
  })
})
