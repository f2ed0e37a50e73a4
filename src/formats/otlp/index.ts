import type { OtlpEncoding } from './answer.ts'
import { AttributeCaches } from './attribute-cache.ts'
import type { TranslationOptions } from './options.ts'
import { readJson } from './read-json.ts'
import { readProtobuf } from './read-protobuf.ts'
import { type Translation, Translator } from './translate.ts'

/**
 * otlp: metrics as OpenTelemetry exporters send them over HTTP, in protobuf and JSON, and the answers they wait for. Both
 * are read into one plain request, which is translated to the sample model as Prometheus's OTLP translator does.
 */
export {
  OTLP_MEDIA_TYPE,
  type OtlpEncoding,
  type PartialSuccess,
  readStatus,
  writeResponse,
  writeStatus,
} from './answer.ts'
export { STRATEGIES, type TranslationStrategy } from './names.ts'
export { PROMETHEUS_TRANSLATION, type TranslationOptions } from './options.ts'
export type { TranslatedFamily, Translation } from './translate.ts'

/**
 * Reads bodies with one set of options, and remembers what it made of attributes that come again; when options change,
 * another one is made.
 */
export class OtlpReader {
  private readonly limits: TranslationOptions['limits']
  private readonly attributes = new AttributeCaches()
  private readonly translator: Translator

  constructor(options: TranslationOptions) {
    this.limits = options.limits
    this.translator = new Translator(options)
  }

  /**
   * A decompressed body as families, with what was left out of it. Throws PGR_BODY_MALFORMED when it cannot be read at all,
   * and PGR_LIMIT_EXCEEDED with the limit to raise when it is too much for one push.
   */
  read(body: Uint8Array, encoding: OtlpEncoding): Translation {
    const read = encoding === 'json' ? readJson : readProtobuf
    return this.translator.translate(read(body, this.limits, this.attributes))
  }
}
