import { compress } from 'snappyjs'

export const used = compress
