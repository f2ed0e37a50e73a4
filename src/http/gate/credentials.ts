import { createHash, timingSafeEqual } from 'node:crypto'
import type { Credentials } from './passwords.ts'

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** User and password of an `Authorization` header; undefined when it carries none. */
export function readBasic(header: string): Credentials | undefined {
  const encoded = /^basic +([A-Za-z0-9+/_-]+={0,2}) *$/i.exec(header)?.[1]
  if (encoded === undefined) return undefined
  try {
    const text = UTF8.decode(Buffer.from(encoded, 'base64'))
    const colon = text.indexOf(':')
    return colon === -1 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) }
  } catch {
    // Hashes are of UTF-8; nothing else fits one.
    return undefined
  }
}

/** Tokens of which each opens the door. */
export interface Tokens {
  /** Whether an `Authorization` header carries one of them; how long that takes tells nothing about any. */
  has(header: string): boolean
}

export function makeTokens(tokens: readonly string[]): Tokens {
  const digests = tokens.map(digest)
  return {
    has(header) {
      const token = /^bearer +(\S+) *$/i.exec(header)?.[1]
      if (token === undefined) return false
      const given = digest(token)
      let found = false
      for (const one of digests) if (timingSafeEqual(one, given)) found = true
      return found
    },
  }
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
