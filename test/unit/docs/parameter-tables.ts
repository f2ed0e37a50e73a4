import type { Route } from '../../../src/http/routes/route.ts'

/** Parameters of a route as its description has them. */
export interface DescribedParameter {
  readonly name: string
  readonly in: string
  readonly description: string
  readonly schema: {
    readonly type: string
    readonly default?: string | number
    readonly enum?: readonly string[]
    readonly minimum?: number
    readonly maximum?: number
    readonly maxLength?: number
    readonly maxItems?: number
    readonly items?: { readonly maxLength: number }
  }
}

/** The table of what may be asked of a route. */
export function parameterTable(parameters: readonly DescribedParameter[]): string {
  const rows = parameters
    .filter((parameter) => parameter.in === 'query')
    .map(({ name, description, schema }) => [
      `\`${name}\``,
      allowed(schema),
      schema.default === undefined || schema.default === '' ? '' : `\`${schema.default}\``,
      description.replace(/\.$/, ''),
    ])
  const lines = [['parameter', 'allowed', 'default', 'what it does'], ...rows].map(
    (cells) => `| ${cells.join(' | ')} |`,
  )
  return [lines[0], '|---|---|---|---|', ...lines.slice(1)].join('\n')
}

function allowed(schema: DescribedParameter['schema']): string {
  const { enum: choices, minimum, maximum, maxLength, maxItems, items } = schema
  if (choices !== undefined) return choices.map((choice) => `\`${choice}\``).join(', ')
  if (maximum !== undefined) return `${minimum} to ${maximum}`
  if (items !== undefined) return `up to ${maxItems} times, ${items.maxLength} characters each`
  return `up to ${maxLength} characters`
}

/** The page with every table between its markers made anew; a path whose markers are missing is an error. */
export function withTables(page: string, tables: ReadonlyMap<Route['path'], string>): string {
  let made = page
  for (const [path, table] of tables) {
    const name = `parameters of ${path}`
    const [before, rest = ''] = made.split(`<!-- ${name} -->\n`)
    const [, after] = rest.split(`<!-- end of ${name} -->`)
    if (after === undefined) throw new Error(`the page has no place for the ${name}`)
    made = `${before}<!-- ${name} -->\n${table}\n<!-- end of ${name} -->${after}`
  }
  return made
}
