export interface SoakSettings {
  readonly minutes: number
  /** The same seed breaks the same things in the same order. */
  readonly seed: number
  readonly topologies: readonly ('sentinel' | 'cluster')[]
}

const USUAL_MINUTES = 30

/** From PGR_SOAK_MINUTES, PGR_SOAK_SEED (by the clock unless given) and PGR_SOAK_TOPOLOGY; throws on what it cannot read. */
export function soakSettings(env: NodeJS.ProcessEnv): SoakSettings {
  const { PGR_SOAK_MINUTES, PGR_SOAK_SEED, PGR_SOAK_TOPOLOGY = 'both' } = env
  const minutes = Number(PGR_SOAK_MINUTES ?? USUAL_MINUTES)
  if (!(minutes > 0)) throw new Error(`PGR_SOAK_MINUTES is ${PGR_SOAK_MINUTES}, not a number of minutes`)
  const seed = Number(PGR_SOAK_SEED ?? Math.floor(Date.now() / 1000))
  if (!Number.isSafeInteger(seed)) throw new Error(`PGR_SOAK_SEED is ${PGR_SOAK_SEED}, not a whole number`)
  switch (PGR_SOAK_TOPOLOGY) {
    case 'both':
      return { minutes, seed, topologies: ['sentinel', 'cluster'] }
    case 'sentinel':
    case 'cluster':
      return { minutes, seed, topologies: [PGR_SOAK_TOPOLOGY] }
    default:
      throw new Error(`PGR_SOAK_TOPOLOGY is ${PGR_SOAK_TOPOLOGY}, not sentinel, cluster or both`)
  }
}
