/**
 * The candidate a misspelt name most likely meant, or undefined when none is close. Separators do not count:
 * `redis_endpoint` is `redis.endpoint`.
 */
export function nearestName(given: string, candidates: Iterable<string>): string | undefined {
  if (given.length > 100) return undefined
  const wanted = normalise(given)
  let best: string | undefined
  let bestDistance = Math.max(1, Math.floor(wanted.length / 5)) + 1
  for (const candidate of candidates) {
    const distance = editDistance(wanted, normalise(candidate))
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

function normalise(name: string): string {
  return name.toLowerCase().replaceAll(/[._-]+/g, '.')
}

/** Insertions, deletions, replacements and swaps of neighbours that turn one text into the other. */
function editDistance(a: string, b: string): number {
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let cost = Math.min(at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, at(before, j - 2) + 1)
      row.push(cost)
    }
    before = last
    last = row
  }
  return at(last, b.length)
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY
}
