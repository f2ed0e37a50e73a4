import { writer } from '../../../../src/formats/openmetrics-text/index.ts'
import type { Family } from '../../../../src/model/family.ts'
import { type Labels, NO_LABELS } from '../../../../src/model/labels.ts'
import type { EscapingScheme } from '../../../../src/model/names.ts'

interface PageOptions {
  readonly escaping?: EscapingScheme
  readonly timestamps?: boolean
  readonly common?: Labels
}

/** A whole page of one block a family. */
export function pageOf(
  families: readonly Family[],
  { escaping = 'underscores', timestamps = false, common = NO_LABELS }: PageOptions = {},
): string {
  const pieces = families.flatMap((family) => {
    const block = writer.block(family, common, { escaping, timestamps })
    return [writer.head(family, escaping, block.length), block]
  })
  return Buffer.concat([...pieces, writer.end]).toString()
}
