import { thing } from '../gateway/thing.ts'

export const used = thing
