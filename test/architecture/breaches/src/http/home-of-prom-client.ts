import { Counter } from 'prom-client'

export const used = Counter
