export declare const REDIS_NAMES: readonly string[]
export declare const OLDEST_MAJOR: number

/** The server program on PATH and its version; undefined when there is none, or only one that is too old. */
export declare function findRedis(): { readonly path: string; readonly version: string } | undefined
