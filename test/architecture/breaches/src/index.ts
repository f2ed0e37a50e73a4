import { thing } from './workers/thing.ts'

export { used } from './app.ts'
export const other = thing
