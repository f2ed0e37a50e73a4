import { used } from '../app.ts'

export const again = used
