import { refuseWeb } from './reading.ts'

/** What can stand behind `Authorization: Bearer`. */
const TOKEN = /^[A-Za-z0-9._~+/-]+=*$/

/** Bearer tokens of a file, one a line; empty lines and comments are left out. Throws PGR_WEB_CONFIG_INVALID. */
export function readTokens(source: string, fileName: string): readonly string[] {
  const tokens: string[] = []
  source.split(/\r?\n/).forEach((line, at) => {
    const token = line.trim()
    if (token === '' || token.startsWith('#')) return
    if (!TOKEN.test(token)) {
      refuseWeb(
        `${fileName}:${at + 1}: a bearer token holds letters, digits and . _ ~ + / - alone, and = at its end: make one with openssl rand -hex 32`,
      )
    }
    tokens.push(token)
  })
  if (tokens.length === 0)
    refuseWeb(`${fileName} holds no bearer token, so that nobody could come in: write one on each line`)
  return tokens
}
