/** What the fleet of the capacity model pushes: labels as long and as different as those of real jobs. */
export interface Shape {
  readonly families: number
  readonly seriesPerFamily: number
}

/** Two sizes of a push: what grows with the series of a push is told from what does not. */
export const SMALL: Shape = { families: 2, seriesPerFamily: 2 }
export const LARGE: Shape = { families: 10, seriesPerFamily: 10 }

export function seriesIn({ families, seriesPerFamily }: Shape): number {
  return families * seriesPerFamily
}

/** The body of a group's push; `round` changes every value. */
export function bodyOf(shape: Shape, group: number, round: number): string {
  let body = ''
  for (let family = 0; family < shape.families; family++) {
    const name = `metric_family_${family}_total`
    body += `# TYPE ${name} counter\n`
    for (let i = 0; i < shape.seriesPerFamily; i++) {
      const host = `host-${(group * 7919 + i * 31) % 100_000}.example.com`
      const path = `/api/v1/resource/${(group * 31 + family * 17 + i) % 5000}`
      body += `${name}{shard="${i}",host="${host}",path="${path}"} ${group * 1000 + family * 10 + i + round}\n`
    }
  }
  return body
}

export function pathOf(job: string, group: number): string {
  return `/metrics/job/${job}/instance/node-${group}`
}
