import { type NAME_OF, whatOf } from '../harness/pair.ts'
import { PGR, PUSHGATEWAY } from '../harness/parties.ts'
import type { Metric } from '../harness/results.ts'
import { SHARES, seriesOf } from '../measures/growth.ts'
import { pushInto } from '../measures/push-latency.ts'
import { SERIES_PER_GROUP } from '../settings.ts'
import type { Figures } from './figures.ts'
import { drawPlot, type Plot, powersOfTen } from './plot.ts'

/** How costs grow, as pictures. */
export function growthPlots(
  figures: Figures,
): { readonly file: string; readonly title: string; readonly svg: string }[] {
  const plots = {
    'push-over-series': pushOverSeries(figures),
    'scrape-over-series': scrapeOverSeries(figures),
    'scrape-over-changes': scrapeOverChanges(figures),
    'latency-over-replicas': latencyOverReplicas(figures),
    'redis-cpu-over-series': redisOverSeries(figures),
    'redis-cpu-over-replicas': redisOverReplicas(figures),
    'memory-over-series': memoryOverSeries(figures),
  }
  return Object.entries(plots).map(([name, plot]) => ({
    file: `${name}.svg`,
    title: plot.title,
    svg: drawPlot(plot),
  }))
}

type Lines = Plot['lines']

const SERIES = 'growth-series'

function pushOverSeries(figures: Figures): Plot {
  const line = (party: string, metric: Metric) => overGroups(figures, pushInto, party, metric)
  return {
    title: 'A push of 3 series, 16 at a time, over the series that are stored',
    x: seriesAxis(figures),
    ...onMilliseconds('milliseconds', [
      { name: 'pgr, p50', colour: 0, points: line(PGR, 'p50Ms') },
      { name: 'pgr, p99', colour: 1, points: line(PGR, 'p99Ms') },
      {
        name: 'Pushgateway without its check, p50',
        colour: 0,
        isDashed: true,
        points: line(PUSHGATEWAY, 'p50Ms'),
      },
      {
        name: 'Pushgateway without its check, p99',
        colour: 1,
        isDashed: true,
        points: line(PUSHGATEWAY, 'p99Ms'),
      },
    ]),
  }
}

function scrapeOverSeries(figures: Figures): Plot {
  const line = (party: string) => overGroups(figures, scrapeOf, party, 'scrapeMs')
  return {
    title: 'A compressed scrape, 1 % of groups changed, over the series that are stored',
    x: seriesAxis(figures),
    ...onMilliseconds('milliseconds', [
      { name: 'pgr', colour: 0, points: line(PGR) },
      { name: 'Pushgateway', colour: 1, isDashed: true, points: line(PUSHGATEWAY) },
    ]),
  }
}

function scrapeOverChanges(figures: Figures): Plot {
  const shares = [...SHARES, 0.01, 1].sort((a, b) => a - b)
  const line = (party: string, encoding: keyof typeof NAME_OF) =>
    figures.line(shares, (share) => [measureOf(share), whatOf(share, encoding)], party, {
      metric: 'scrapeMs',
    })
  return {
    title: 'A scrape of a million series, over the share of groups that changed',
    x: {
      title: 'groups that changed since the last scrape, percent',
      scale: 'places',
      ticks: shares.map((value) => ({ value, text: `${value * 100}` })),
    },
    ...onMilliseconds('milliseconds', [
      { name: 'pgr, plain', colour: 0, points: line(PGR, 'identity') },
      { name: 'pgr, gzip', colour: 2, points: line(PGR, 'gzip') },
      { name: 'Pushgateway, plain', colour: 0, isDashed: true, points: line(PUSHGATEWAY, 'identity') },
      { name: 'Pushgateway, gzip', colour: 2, isDashed: true, points: line(PUSHGATEWAY, 'gzip') },
    ]),
  }
}

/** Two shares are those of budgets. */
function measureOf(share: number): string {
  if (share === 0.01) return 'B3'
  return share === 1 ? 'B10' : 'growth-changes'
}

function latencyOverReplicas(figures: Figures): Plot {
  const pushes = (metric: Metric) => overReplicas(figures, 'pushes', metric)
  return {
    title: '1,000 pushes a second spread over replicas, and a scrape of each',
    x: replicaAxis(figures),
    ...onMilliseconds('milliseconds', [
      { name: 'push p50', colour: 0, points: pushes('p50Ms') },
      { name: 'push p99', colour: 1, points: pushes('p99Ms') },
      {
        name: 'compressed scrape, 1 % of groups changed',
        colour: 2,
        points: overReplicas(figures, 'scrape of each', 'scrapeMs'),
      },
    ]),
  }
}

function redisOverSeries(figures: Figures): Plot {
  return {
    title: 'CPU of Redis, over the series that are stored',
    x: seriesAxis(figures),
    ...onMilliseconds('milliseconds of CPU', [
      { name: 'a push of 3 series', colour: 0, points: overGroups(figures, pushInto, PGR, 'redisUs', 1e-3) },
      {
        name: 'a scrape, 1 % of groups changed',
        colour: 1,
        points: overGroups(figures, scrapeOf, PGR, 'redisUs', 1e-3),
      },
    ]),
  }
}

function redisOverReplicas(figures: Figures): Plot {
  return {
    title: 'CPU of Redis, over replicas',
    x: replicaAxis(figures),
    ...onMilliseconds('milliseconds of CPU', [
      { name: 'a push of 3 series', colour: 0, points: overReplicas(figures, 'pushes', 'redisUs', 1e-3) },
      {
        name: 'a scrape, 1 % of groups changed',
        colour: 1,
        points: overReplicas(figures, 'scrape of each', 'redisUs', 1e-3),
      },
    ]),
  }
}

function memoryOverSeries(figures: Figures): Plot {
  const gateway = (party: string) =>
    overGroups(figures, (groups) => `gateway with ${seriesOf(groups)}`, party, 'bytesPerSeries')
  const lines: Lines = [
    { name: 'pgr', colour: 0, points: gateway(PGR) },
    {
      name: 'Redis',
      colour: 2,
      points: overGroups(figures, (groups) => `Redis with ${seriesOf(groups)}`, PGR, 'bytesPerSeries'),
    },
    { name: 'Pushgateway', colour: 1, isDashed: true, points: gateway(PUSHGATEWAY) },
  ]
  return {
    title: 'Memory for a series, over the series that are stored',
    x: seriesAxis(figures),
    y: {
      title: 'bytes',
      scale: 'log',
      ticks: powersOfTen(valuesOf(lines)),
    },
    lines,
  }
}

function scrapeOf(groups: number): string {
  return `scrape of ${seriesOf(groups)}`
}

function groupsOf({ runs }: Figures): readonly number[] {
  return runs[0]?.sizes.growth ?? []
}

function replicasOf({ runs }: Figures): readonly number[] {
  return runs[0]?.sizes.replicas ?? []
}

function overGroups(
  figures: Figures,
  what: (groups: number) => string,
  party: string,
  metric: Metric,
  scale = 1,
) {
  return figures
    .line(groupsOf(figures), (groups) => [SERIES, what(groups)], party, { metric, scale })
    .map((point) => ({ ...point, x: point.x * SERIES_PER_GROUP }))
}

function overReplicas(figures: Figures, what: string, metric: Metric, scale = 1) {
  return figures.line(
    replicasOf(figures),
    (count) => ['growth-replicas', `${what}, ${count} replicas`],
    PGR,
    {
      metric,
      scale,
    },
  )
}

function seriesAxis(figures: Figures): Plot['x'] {
  const ticks = groupsOf(figures).map((groups) => {
    const value = groups * SERIES_PER_GROUP
    return { value, text: value.toLocaleString('en') }
  })
  return { title: 'series stored', scale: 'log', ticks }
}

function replicaAxis(figures: Figures): Plot['x'] {
  return {
    title: 'replicas',
    scale: 'places',
    ticks: replicasOf(figures).map((value) => ({ value, text: `${value}` })),
  }
}

/** With an axis that has room for all of them. */
function onMilliseconds(title: string, lines: Lines): Pick<Plot, 'y' | 'lines'> {
  return {
    y: { title, scale: 'log', ticks: powersOfTen(valuesOf(lines)) },
    lines,
  }
}

function valuesOf(lines: Lines): number[] {
  return lines.flatMap(({ points }) => points.flatMap(({ min, max }) => [min, max]))
}
