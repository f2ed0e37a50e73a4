import { type EscapingScheme, parseEscapingScheme } from '../model/names.ts'
import type { Writer } from './format.ts'

/** A format a scrape can be answered in: which entries of an Accept header ask for it, and who writes it. */
export interface Offer {
  readonly writer: Writer
  /** Type and subtype, lower case. */
  readonly mediaType: string
  /** Values a parameter may have in the entry; `undefined` among them means that it may be missing. */
  readonly parameters: ReadonlyMap<string, readonly (string | undefined)[]>
  /** Value of the Content-Type header, spelled for the version that was asked. */
  contentType(escaping: EscapingScheme): string
}

export interface Negotiated {
  readonly writer: Writer
  readonly escaping: EscapingScheme
  /** Value of the Content-Type header of the answer. */
  readonly contentType: string
}

/** Headers beyond this are taken for absent; the longest that Prometheus sends has some 400 characters. */
const MAX_HEADER_LENGTH = 4096

const DEFAULT_ESCAPING: EscapingScheme = 'underscores'

/**
 * Chooses format and escaping for a scrape, as Go's expfmt does: entries by weight, the first that names an offer in
 * exactly an offered version wins. A wildcard names nothing, so that the `*\/*;q=2` of Prometheus 2.49 still gets the
 * format its other entries ask for. The first offer answers everybody else. The escaping is the last valid one among
 * the entries up to the winner.
 */
export function negotiate(
  accept: string | undefined,
  offers: readonly [Offer, ...(readonly Offer[])],
): Negotiated {
  let escaping = DEFAULT_ESCAPING
  for (const entry of readEntries(accept)) {
    escaping = parseEscapingScheme(entry.parameters.get('escaping') ?? '') ?? escaping
    const offer = offers.find((offer) => matches(offer, entry))
    if (offer !== undefined) return answer(offer, escaping)
  }
  return answer(offers[0], escaping)
}

function answer(offer: Offer, escaping: EscapingScheme): Negotiated {
  return { writer: offer.writer, escaping, contentType: offer.contentType(escaping) }
}

function matches(offer: Offer, entry: Entry): boolean {
  if (entry.value !== offer.mediaType) return false
  for (const [name, allowed] of offer.parameters) {
    if (!allowed.includes(entry.parameters.get(name))) return false
  }
  return true
}

/**
 * Whether the body of an answer may be gzip, from the Accept-Encoding header. What is not mentioned is not accepted:
 * a client that can gunzip says so.
 */
export function acceptsGzip(acceptEncoding: string | undefined): boolean {
  const entries = readEntries(acceptEncoding, { withRefused: true })
  const named = entries.find(({ value }) => value === 'gzip') ?? entries.find(({ value }) => value === '*')
  return named !== undefined && named.weight > 0
}

interface Entry {
  /** Lower case, without parameters. */
  readonly value: string
  /** 0 to 1; `REFUSED` when the header says q=0. */
  readonly weight: number
  /** Names in lower case. */
  readonly parameters: ReadonlyMap<string, string>
}

/** Sorts below every weight a client can give. */
const REFUSED = -1
/** Weight of an entry whose q cannot be read. */
const LOWEST = 0

/** Entries by falling weight, equal ones in the order given. */
function readEntries(header: string | undefined, { withRefused = false } = {}): Entry[] {
  if (header === undefined || header.length > MAX_HEADER_LENGTH) return []
  return header
    .split(',')
    .map(readEntry)
    .filter(({ value, weight }) => value !== '' && (withRefused || weight !== REFUSED))
    .sort((a, b) => b.weight - a.weight)
}

function readEntry(text: string): Entry {
  const [value = '', ...rest] = text.split(';')
  const parameters = new Map<string, string>()
  let weight = 1
  for (const parameter of rest) {
    const at = parameter.indexOf('=')
    if (at === -1) continue
    const name = parameter.slice(0, at).trim().toLowerCase()
    const content = unquote(parameter.slice(at + 1).trim())
    if (name === 'q') weight = readWeight(content)
    // Prometheus 3.0 to 3.2 repeat `escaping`; both say the same.
    else parameters.set(name, content)
  }
  return { value: value.trim().toLowerCase(), weight, parameters }
}

function readWeight(text: string): number {
  const weight = text === '' ? Number.NaN : Number(text)
  if (Number.isNaN(weight)) return LOWEST
  if (weight <= 0) return REFUSED
  return Math.min(weight, 1)
}

function unquote(text: string): string {
  return text.length >= 2 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text
}
