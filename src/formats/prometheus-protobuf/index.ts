/** prometheus-protobuf: delimited `io.prometheus.client.MetricFamily` messages, read and written. */
export { MEDIA_TYPE, PROTO } from './layout.ts'
export { reader } from './read.ts'
export { writer } from './write.ts'
