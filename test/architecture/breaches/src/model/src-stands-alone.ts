import { thing } from '../../test/thing.ts'

export const used = thing
