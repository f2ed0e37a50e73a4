/** openmetrics-text: OpenMetrics 1.0 text, what every Prometheus asks for first. */
export { contentTypeOf, MEDIA_TYPE } from './media-type.ts'
export { reader } from './read.ts'
export { writer } from './write.ts'
