/**
 * What a family of a series set tells of the series that have its name: their values, totals that deltas are added up to,
 * or what goes along with these.
 */
export type FamilyPart = 'value' | 'total' | 'exemplar' | 'start'

/** No metric of the outside world has to begin with it; one that does is marked itself. */
const MARK = '\u0000'

const LETTERS: Record<FamilyPart, string> = { value: 'v', total: 't', exemplar: 'e', start: 's' }
const PARTS = new Map(Object.entries(LETTERS).map(([part, letter]) => [letter, part as FamilyPart]))

/**
 * The name under which a set keeps a part of a family. Exemplars and start times come and go apart from values, so that
 * they are series of their own to the store.
 */
export function setFamilyName(name: string, part: FamilyPart): string {
  return part === 'value' && !name.startsWith(MARK) ? name : MARK + LETTERS[part] + name
}

/** Whether a part is a series, and not only what goes along with one. */
export function isSeries(part: FamilyPart): boolean {
  return part === 'value' || part === 'total'
}

/** What `setFamilyName` made a name of. */
export function parseSetFamilyName(stored: string): { readonly name: string; readonly part: FamilyPart } {
  const part = stored.startsWith(MARK) ? PARTS.get(stored.charAt(1)) : undefined
  return part === undefined ? { name: stored, part: 'value' } : { name: stored.slice(2), part }
}
