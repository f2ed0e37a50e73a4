import { thing } from '../model/thing.ts'

export const used = thing
