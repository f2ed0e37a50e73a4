import type { Screen } from './screen.ts'
import { type Cell, tableText } from './table.ts'

/** What is known, a line each: name and value in columns on a terminal, between a tab elsewhere. */
export function factsText(facts: readonly (readonly [name: string, value: Cell])[], screen: Screen): string {
  if (!screen.isTerminal)
    return tableText(
      [],
      facts.map(([name, value]) => [{ raw: name }, value]),
      screen,
    )
  const width = Math.max(...facts.map(([name]) => name.length))
  return facts
    .map(([name, { raw, shown = raw, paint = 'plain' }]) => {
      return `${screen.paint(name.padEnd(width), 'dim')}  ${screen.paint(shown, paint)}\n`
    })
    .join('')
}
