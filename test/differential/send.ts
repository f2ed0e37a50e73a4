import { request as httpRequest } from 'node:http'
import type { Request } from './corpus.ts'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

/** Sends a request exactly as written; unlike `fetch` it neither cleans the path nor adds a type. */
export function send(baseUrl: string, { method, path, body, headers }: Request): Promise<Answer> {
  const { hostname, port } = new URL(baseUrl)
  const length: Record<string, number> =
    body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(
      { agent: false, hostname, port, method, path, headers: { ...headers, ...length }, timeout: 10_000 },
      (incoming) => {
        const chunks: Buffer[] = []
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
        incoming.on('end', () =>
          resolve({
            status: incoming.statusCode ?? 0,
            headers: incoming.headers,
            body: Buffer.concat(chunks).toString(),
          }),
        )
        incoming.on('error', reject)
      },
    )
    outgoing.on('timeout', () =>
      outgoing.destroy(new Error(`${method} ${path} was not answered in 10 s by ${baseUrl}`)),
    )
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}
