import { signal } from '@preact/signals'

export const used = signal
