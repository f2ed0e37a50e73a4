import { there } from './round.ts'

export const back = () => there
