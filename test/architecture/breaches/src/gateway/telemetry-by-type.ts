import { thing } from '../telemetry/thing.ts'

export const used = thing
