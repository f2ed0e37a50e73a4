import { PgrError } from '../errors/pgr-error.ts'

export interface ListenAddress {
  /** Every interface when absent. */
  readonly host?: string
  readonly port: number
}

const ADDRESS = /^(?:\[([0-9a-fA-F:.%\w]+)\]|([^[\]:]*)):(\d{1,5})$/
const MAX_PORT = 65_535

/** Reads `host:port`, `:port` or `[IPv6]:port`. Throws PGR_SETTING_INVALID. */
export function parseListenAddress(text: string): ListenAddress {
  const [, bracketed, plain, digits] = ADDRESS.exec(text) ?? []
  const port = Number(digits)
  if (digits === undefined || port > MAX_PORT) {
    throw new PgrError(
      'PGR_SETTING_INVALID',
      `cannot listen on ${JSON.stringify(text)}: write host:port, :port or [IPv6 address]:port`,
    )
  }
  const host = bracketed ?? plain ?? ''
  return host === '' ? { port } : { host, port }
}

/** `host:port` as it stands in a URL. */
export function showHostPort(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}
