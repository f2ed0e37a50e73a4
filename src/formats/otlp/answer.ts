import { openReader, ProtobufWriter, skipField } from '../protobuf.ts'
import { PARTIAL_SUCCESS, RESPONSE, STATUS } from './layout.ts'

/** How a request is written, and with it every answer to it. */
export type OtlpEncoding = 'protobuf' | 'json'

export const OTLP_MEDIA_TYPE: Record<OtlpEncoding, string> = {
  protobuf: 'application/x-protobuf',
  json: 'application/json',
}

/** What of a request was not taken. */
export interface PartialSuccess {
  readonly rejectedPoints: number
  /** Why; a warning where no point was rejected. */
  readonly message: string
}

/** Senders may limit what they read; what we say is shorter than any such limit. */
const LONGEST_MESSAGE = 8192

/** An ExportMetricsServiceResponse; without rejected points and without a message it says that all is well. */
export function writeResponse(
  { rejectedPoints, message }: PartialSuccess,
  encoding: OtlpEncoding,
): Uint8Array {
  const errorMessage = shorten(message)
  const isWhole = rejectedPoints === 0 && errorMessage === ''
  if (encoding === 'json') {
    // JSON for protobuf writes 64-bit numbers as strings.
    const partialSuccess = { rejectedDataPoints: String(rejectedPoints), errorMessage }
    return Buffer.from(JSON.stringify(isWhole ? {} : { partialSuccess }))
  }
  if (isWhole) return new Uint8Array(0)
  const writer = new ProtobufWriter()
  const start = writer.open(RESPONSE.partialSuccess)
  if (rejectedPoints > 0) writer.varint(PARTIAL_SUCCESS.rejectedDataPoints).varint(rejectedPoints)
  if (errorMessage !== '') writer.varint(PARTIAL_SUCCESS.errorMessage).string(errorMessage)
  writer.close(start)
  return writer.take()
}

/** Codes of google.rpc.Code that an HTTP status stands for, as gRPC maps them. */
const RPC_CODE: ReadonlyMap<number, number> = new Map([
  [400, 3],
  [401, 16],
  [403, 7],
  [404, 5],
  [405, 12],
  [413, 3],
  [415, 3],
  [429, 8],
  [500, 13],
  [503, 14],
])
const UNKNOWN_CODE = 2

/** The google.rpc.Status that goes with an answer of this HTTP status, 400 or above. */
export function writeStatus(httpStatus: number, text: string, encoding: OtlpEncoding): Uint8Array {
  const code = RPC_CODE.get(httpStatus) ?? UNKNOWN_CODE
  const message = shorten(text)
  if (encoding === 'json') return Buffer.from(JSON.stringify({ code, message }))
  return new ProtobufWriter().varint(STATUS.code).varint(code).varint(STATUS.message).string(message).take()
}

/** The text of a google.rpc.Status in protobuf; undefined when there is none or the bytes are none. */
export function readStatus(bytes: Uint8Array): string | undefined {
  let message: string | undefined
  try {
    const reader = openReader(bytes)
    while (reader.pos < reader.len) {
      const tag = reader.tag()
      if (tag === STATUS.message) message = reader.string()
      else skipField(reader, tag)
    }
  } catch {
    return undefined
  }
  return message
}

function shorten(message: string): string {
  return message.length > LONGEST_MESSAGE ? `${message.slice(0, LONGEST_MESSAGE)}…` : message
}
