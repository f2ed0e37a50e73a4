/** prometheus-text: the classic text format, version 0.0.4. */
/** Shared with OpenMetrics text, which spells labels alike. */
export { escapeValue } from './escape.ts'
export { type BlockLabels, LabelText, labelsToWrite } from './label-text.ts'
export { makeNumberWriter } from './number-lines.ts'
export { reader } from './read.ts'
/** `reservedLabel` is shared with protobuf, which shows the same types. */
export { reservedLabel, writer } from './write.ts'
