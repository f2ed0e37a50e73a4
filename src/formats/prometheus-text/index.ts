/** prometheus-text: the classic text format, version 0.0.4. */
export { reader } from './read.ts'
export { writer } from './write.ts'
