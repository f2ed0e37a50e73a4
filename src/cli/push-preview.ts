import type { PushRequest } from '../client/request.ts'

/** A request as text: request line, headers, and the input. No credentials. */
export function dryRunText(request: PushRequest, body: Uint8Array): string {
  const headers = shownHeaders(request).map(([name, value]) => `${name}: ${value}\n`)
  return `${request.method} ${request.url}\n${headers.join('')}\n${Buffer.from(body).toString()}`
}

export function dryRunJson(request: PushRequest, body: Uint8Array): Readonly<Record<string, unknown>> {
  return {
    dryRun: true,
    method: request.method,
    url: request.url,
    headers: Object.fromEntries(shownHeaders(request)),
    bytes: body.length,
    sentBytes: request.body.length,
    body: Buffer.from(body).toString(),
  }
}

function shownHeaders({ headers, body }: PushRequest): [string, string][] {
  const shown = [...headers].map(([name, value]): [string, string] => [
    name,
    name === 'Authorization' ? 'Basic ***' : value,
  ])
  return [...shown, ['Content-Length', String(body.length)]]
}
