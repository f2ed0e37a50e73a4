import { thing } from '../store/index.ts'

export const used = thing
