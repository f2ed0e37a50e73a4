import { thing } from '../http/thing.ts'

export const used = thing
