import { thing } from './cli/thing.ts'

export const used = thing
