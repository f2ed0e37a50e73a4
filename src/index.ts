/**
 * The public face for programs that embed the gateway: resolve settings, start, stop. Everything else is internal.
 */
export { type StartedServer, type StartOptions, startServer } from './app.ts'
export { type FlagValue, type Resolved, resolveSettings, type Sources } from './config/resolve.ts'
export type { Settings } from './config/rules.ts'
export type { ErrorCode } from './errors/catalogue.ts'
export { PgrError } from './errors/pgr-error.ts'
export { VERSION } from './version.ts'
