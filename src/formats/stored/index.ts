/**
 * stored: how a family, or one metric of a series set, is kept in the store. Written and read by pgr alone; the layout
 * is `proto/pgr/v1/family.proto`.
 */
export { isDamage, NumbersReader, readStored, readStoredLabels, readStoredMetric } from './read.ts'
export { writeStored, writeStoredMetric } from './write.ts'
