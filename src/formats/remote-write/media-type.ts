import { PgrError } from '../../errors/pgr-error.ts'
import { parseMediaType } from '../media-type.ts'
import type { RemoteWriteVersion } from './layout.ts'

const MEDIA_TYPE = 'application/x-protobuf'

/** The message that the parameter `proto` names; without it a body is one of 1.0. */
const VERSIONS: ReadonlyMap<string, RemoteWriteVersion> = new Map([
  ['prometheus.WriteRequest', 1],
  ['io.prometheus.write.v2.Request', 2],
])

/** Value of the Content-Type header for a body of this version. */
export function contentTypeOf(version: RemoteWriteVersion): string {
  return version === 1 ? MEDIA_TYPE : `${MEDIA_TYPE};proto=io.prometheus.write.v2.Request`
}

/** Which of the two a body with this Content-Type is. A missing one is 1.0. Throws PGR_TYPE_UNSUPPORTED for all others. */
export function versionFor(contentType: string | undefined): RemoteWriteVersion {
  const { type, parameters } = parseMediaType(contentType)
  const proto = parameters.get('proto')
  const version = proto === undefined ? 1 : VERSIONS.get(proto)
  if ((type === '' || type === MEDIA_TYPE) && version !== undefined) return version
  throw new PgrError(
    'PGR_TYPE_UNSUPPORTED',
    `content type ${JSON.stringify(contentType)} is not read here; send ${contentTypeOf(1)} for remote write 1.0 or ${contentTypeOf(2)} for 2.0`,
  )
}
