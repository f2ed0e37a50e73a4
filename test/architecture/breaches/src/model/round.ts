import { back } from './no-cycles.ts'

export const there = () => back
