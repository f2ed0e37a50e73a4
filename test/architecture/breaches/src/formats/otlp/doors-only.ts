import { thing } from '../text/inner.ts'

export const used = thing
