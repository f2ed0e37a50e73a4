import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { PgrError } from '../../../../src/errors/pgr-error.ts'
import { reader } from '../../../../src/formats/openmetrics-text/index.ts'
import { READ_OPTIONS } from './read-options.ts'

/**
 * The official parser suite of OpenMetrics: one folder a case, with a body and a file that says whether it is valid.
 * Set PGR_OPENMETRICS_CORPUS to its `tests/testdata/parsers`.
 */
const { PGR_OPENMETRICS_CORPUS: folder } = process.env
const cases = folder === undefined ? [] : readdirSync(folder).sort()

const missing = folder === undefined
const title = missing ? 'openmetrics corpus [needs PGR_OPENMETRICS_CORPUS]' : 'openmetrics corpus'

describe.skipIf(missing)(title, () => {
  it('is the whole suite', () => {
    expect(cases.length).toBeGreaterThanOrEqual(211)
  })

  it.each(cases)('%s', (name) => {
    const test = JSON.parse(readFileSync(join(folder ?? '', name, 'test.json'), 'utf8'))
    const body = readFileSync(join(folder ?? '', name, test.file))
    expect(parses(body)).toBe(test.shouldParse)
  })
})

function parses(body: Uint8Array): boolean {
  try {
    reader.read(body, READ_OPTIONS)
    return true
  } catch (reason) {
    expect(reason).toBeInstanceOf(PgrError)
    expect(reason).toMatchObject({ code: 'PGR_BODY_MALFORMED' })
    return false
  }
}
