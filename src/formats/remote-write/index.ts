/** remote-write: Prometheus remote write 1.0 and 2.0, read and written; snappy is around it, not in it. */
export type { RemoteWriteVersion } from './layout.ts'
export { contentTypeOf, versionFor } from './media-type.ts'
export { RemoteWriteReader } from './read.ts'
export type {
  RemoteExemplar,
  RemoteHistogram,
  RemoteMetadata,
  RemoteNumber,
  RemoteRefusals,
  RemoteWrite,
} from './remote-write.ts'
export { writeRemoteWrite } from './write.ts'
