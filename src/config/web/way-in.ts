import type { Notice } from '../given.ts'
import type { SettingValues } from '../options.ts'
import { type LoadedTls, loadWebConfig } from './load.ts'
import { refuseWeb } from './reading.ts'
import { readTokens } from './tokens.ts'
import type { RateLimit } from './web-config.ts'

/** How connections are set up and who may come in, from all files that say so. */
export interface WayIn {
  readonly tls: LoadedTls | undefined
  readonly http2: boolean
  readonly access: {
    readonly users: ReadonlyMap<string, string>
    readonly tokens: readonly string[]
    readonly headers: ReadonlyMap<string, string>
    readonly rateLimit: RateLimit | undefined
  }
  readonly notices: readonly Notice[]
}

type WebSettings = Pick<SettingValues, 'webConfigFile' | 'webAuthBearerTokenFile'>

/** Reads what the settings name. Throws PGR_WEB_CONFIG_INVALID. */
export function loadWayIn(
  { webConfigFile, webAuthBearerTokenFile }: WebSettings,
  read: (path: string) => string,
): WayIn {
  const web = webConfigFile === '' ? undefined : loadWebConfig(webConfigFile, read)
  const tokens = webAuthBearerTokenFile === '' ? [] : loadTokens(webAuthBearerTokenFile, read)
  return {
    tls: web?.tls,
    http2: web?.tls !== undefined && web.http2,
    access: {
      users: web?.users ?? new Map(),
      tokens,
      headers: web?.headers ?? new Map(),
      rateLimit: web?.rateLimit,
    },
    notices: web?.notices ?? [],
  }
}

/** Throws PGR_WEB_CONFIG_INVALID when `next` differs from `now` in what open ports cannot take over. */
export function assertTakenOver(now: WayIn, next: WayIn, path: string): void {
  if ((now.tls === undefined) !== (next.tls === undefined)) {
    const what = next.tls === undefined ? 'no longer sets up TLS' : 'sets up TLS now'
    refuseWeb(`${path} ${what}, which open ports cannot take over: restart the process`)
  }
  if (now.http2 !== next.http2)
    refuseWeb(
      `${path}: http_server_config.http2 is ${next.http2} now, which open ports cannot take over: restart the process`,
    )
}

function loadTokens(path: string, read: (path: string) => string): readonly string[] {
  let source: string
  try {
    source = read(path)
  } catch (reason) {
    const why = reason instanceof Error ? reason.message : String(reason)
    return refuseWeb(`the file of --web.auth.bearer-token-file cannot be read: ${why}`, reason)
  }
  return readTokens(source, path)
}
