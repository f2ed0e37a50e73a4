import { thing } from './redis/inner.ts'

export const used = thing
