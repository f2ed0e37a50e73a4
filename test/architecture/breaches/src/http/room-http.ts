import { thing } from '../store/store.ts'

export const used = thing
