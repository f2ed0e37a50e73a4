import { assert } from 'fast-check'

export const used = assert
