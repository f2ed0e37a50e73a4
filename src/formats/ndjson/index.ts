/**
 * ndjson: everything a gateway holds as lines of JSON, with all the model has, to be kept in a file and read again. What
 * a line is made of is on docs/import-export.md and in its schema.
 */
export { readHeader, readLine } from './read.ts'
export { type ExportedUnit, type ExportHeader, type Lot, MEDIA_TYPE } from './record.ts'
export { endLine, headerLine, unitLine } from './write.ts'
