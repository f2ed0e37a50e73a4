import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { EscapingScheme } from '../../../../src/model/names.ts'
import { describeWith, peerOrThrow } from '../../../support/peers.ts'
import { labelText, legacyLabelName } from '../arbitrary-family.ts'
import { pageOf } from './page-of.ts'
import { showablePage } from './showable-families.ts'

/** Reads a list of pages, answers for each with the number of its samples, or why it was refused. */
const SCRIPT = `
import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
answers = []
for page in json.load(sys.stdin):
    try:
        answers.append(sum(len(family.samples) for family in parse(page)))
    except Exception as reason:
        answers.append(str(reason))
json.dump(answers, sys.stdout)
`

/** The parser looks for braces and hashes in a line before it looks for quotes, and trips over those inside a value. */
const labelValues = labelText.filter((text) => !/[{}#]/.test(text))

const PAGES = 200
/** The same pages in every run: a failure must not come and go. */
const SEED = 20240229

describeWith('client_python', 'the strict parser of client_python', () => {
  it('refuses what is wrong, or its verdicts mean nothing', () => {
    expect(verdictsOn(['a 1\n', '# TYPE a counter\na 1\n# EOF\n'])).toEqual([
      expect.any(String),
      expect.any(String),
    ])
  })

  it('reads every sample of our pages', () => {
    const pages = fc.sample(showablePage({ labelValues }), { numRuns: PAGES, seed: SEED })
    expectAllRead(pages.map((families) => pageOf(families, { timestamps: true })))
  })

  it.each<EscapingScheme>(['underscores', 'dots', 'values'])(
    'reads every sample with names escaped by %s',
    (escaping) => {
      const names = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 4 })
      const page = showablePage({
        nameTails: names,
        labelNames: fc.oneof(names, legacyLabelName),
        labelValues,
      })
      const pages = fc.sample(page, { numRuns: PAGES, seed: SEED })
      expectAllRead(pages.map((families) => pageOf(families, { escaping })))
    },
  )
})

function expectAllRead(pages: string[]): void {
  const expected = pages.map(samplesOf)
  expect(verdictsOn(pages)).toEqual(expected)
  expect(expected.reduce((sum, samples) => sum + samples, 0)).toBeGreaterThan(PAGES)
}

function samplesOf(page: string): number {
  return page.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length
}

function verdictsOn(pages: readonly string[]): unknown[] {
  const { path } = peerOrThrow('client_python')
  const { stdout, stderr, status } = spawnSync(path, ['-c', SCRIPT], {
    input: JSON.stringify(pages),
    encoding: 'utf8',
  })
  expect(stderr).toBe('')
  expect(status).toBe(0)
  return JSON.parse(stdout)
}
