/** Why an answer is not there. `away`: the store is; `gone`: what was asked for is; `refused`: the request is at fault. */
export interface Failure {
  readonly kind: 'unreachable' | 'away' | 'gone' | 'refused'
  readonly message: string
}

export type Answer<T> =
  | { readonly ok: true; readonly data: T }
  | { readonly ok: false; readonly failure: Failure }

/** Longer than the server itself takes to say that the store is away. */
const TIMEOUT_MS = 15_000

/** Reads a path of the API, which is relative to the page. Never rejects: what goes wrong is in the answer. */
export async function ask<T>(path: string, signal: AbortSignal): Promise<Answer<T>> {
  const response = await send(path, { signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]) })
  if (!(response instanceof Response)) return { ok: false, failure: response }
  const body = await readJson(response)
  if (response.ok && body?.status === 'success') return { ok: true, data: body.data as T }
  return { ok: false, failure: failureOf(response, body?.error) }
}

/** Deletes a group. `path` is its own, below the route prefix. */
export function deleteGroup(path: string): Promise<Failure | undefined> {
  return act(path.replace(/^\//, ''), 'DELETE')
}

/** Removes everything stored. */
export function wipe(): Promise<Failure | undefined> {
  return act('api/v1/admin/wipe', 'PUT')
}

async function act(path: string, method: string): Promise<Failure | undefined> {
  const response = await send(path, { method, signal: AbortSignal.timeout(TIMEOUT_MS) })
  if (!(response instanceof Response)) return response
  if (response.ok) return undefined
  const text = await response.text().catch(() => '')
  return failureOf(response, messageIn(text))
}

async function send(path: string, init: RequestInit): Promise<Response | Failure> {
  try {
    return await fetch(path, { ...init, cache: 'no-store', credentials: 'same-origin' })
  } catch {
    return { kind: 'unreachable', message: 'the gateway does not answer' }
  }
}

interface Envelope {
  readonly status?: string
  readonly data?: unknown
  readonly error?: string
}

async function readJson(response: Response): Promise<Envelope | undefined> {
  try {
    return (await response.json()) as Envelope
  } catch {
    return undefined
  }
}

function failureOf(response: Response, message: string | undefined): Failure {
  const said = message || `the gateway answered ${response.status} ${response.statusText}`.trim()
  if (response.status === 404) return { kind: 'gone', message: said }
  if (response.status === 503 && message) return { kind: 'away', message: said }
  if (response.status >= 500 || response.ok) return { kind: 'unreachable', message: said }
  return { kind: 'refused', message: said }
}

/** Push paths say why in plain text, the API in its envelope. */
function messageIn(text: string): string {
  try {
    return (JSON.parse(text) as Envelope).error ?? text
  } catch {
    return text.trim()
  }
}
