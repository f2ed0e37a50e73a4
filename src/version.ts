import { readFileSync } from 'node:fs'

/** Version of this package, as its manifest states it. */
export const VERSION: string = (
  JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
).version
