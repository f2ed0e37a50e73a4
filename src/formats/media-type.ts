/** A Content-Type taken apart (RFC 9110, 8.3.1); type and parameter names in lower case, values without quotes. */
export interface MediaType {
  /** Empty when there is none. */
  readonly type: string
  readonly parameters: ReadonlyMap<string, string>
}

export function parseMediaType(contentType: string | undefined): MediaType {
  const [type = '', ...parameters] = (contentType ?? '').split(';').map((part) => part.trim())
  return {
    type: type.toLowerCase(),
    parameters: new Map(
      parameters.map((parameter): [string, string] => {
        const at = parameter.indexOf('=')
        const value = parameter.slice(at + 1).trim()
        return [parameter.slice(0, at).trim().toLowerCase(), value.replace(/^"(.*)"$/, '$1')]
      }),
    ),
  }
}
