// @ts-expect-error: there is no such file
import { thing } from './absent.ts'

export const used = thing
