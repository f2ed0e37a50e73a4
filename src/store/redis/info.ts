/** The fields of an INFO reply, whatever its sections. */
export type Info = ReadonlyMap<string, string>

export function readInfo(text: string): Info {
  const fields = new Map<string, string>()
  for (const line of text.split('\n')) {
    const at = line.indexOf(':')
    if (at > 0 && !line.startsWith('#')) fields.set(line.slice(0, at), line.slice(at + 1).trimEnd())
  }
  return fields
}

export function infoNumber(info: Info, name: string): number {
  const value = Number(info.get(name))
  return Number.isFinite(value) ? value : 0
}
