import type { UnitCosts } from './model.js'

export declare function report(args: readonly string[], costs: UnitCosts): string
