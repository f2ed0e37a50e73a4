/** For tests and benches, which are TypeScript. */
export interface Linear {
  readonly each: number
  readonly perSeries: number
}

export interface Render {
  readonly perSeries: number
  readonly perMegabyte: number
}

export interface ScrapeCost {
  readonly each: number
  readonly perMegabyte: number
}

export interface ThreadCosts {
  readonly push: Linear
  readonly change: Linear
  readonly poll: number
  readonly remoteWriteSample: number
  readonly otlpPoint: number
}

/** docs/benchmarks/costs.json: microseconds of CPU, and bytes. */
export interface UnitCosts {
  readonly measuredOn: Readonly<Record<'processor' | 'node' | 'redis', string>> & { readonly cores: number }
  readonly seriesPerFamily: number
  readonly gatewayUs: ThreadCosts & {
    readonly scrape: Readonly<Record<'identity' | 'gzip', ScrapeCost>>
    readonly render: Render
  }
  readonly gatewayThreadsUs: ThreadCosts & { readonly render: Render }
  readonly redisUs: ThreadCosts
  readonly bytes: Readonly<
    Record<
      | 'pushBody'
      | 'pushToRedis'
      | 'pushFromRedis'
      | 'changeFromRedis'
      | 'page'
      | 'pageGzip'
      | 'viewHeap'
      | 'viewBuffers'
      | 'redisMemory',
      Linear
    > &
      Record<
        | 'pollFromRedis'
        | 'remoteWriteSampleToRedis'
        | 'remoteWriteSampleFromRedis'
        | 'otlpPointToRedis'
        | 'otlpPointFromRedis'
        | 'redisMemoryPerPush',
        number
      >
  >
}

/** Of one store, or of all; times in seconds. */
export interface CapacityFleet {
  readonly pushes: number
  readonly series: number
  readonly scrapers: number
  readonly interval: number
  readonly pushInterval: number
  readonly pollInterval: number
  readonly linkGbits: number
}

export interface Servers {
  readonly replicas: number
  readonly primaries: number
}

export interface Shape {
  readonly groups: number
  readonly seriesPerPush: number
  readonly pageBytes: number
  readonly gzipBytes: number
  readonly blocksPerSegment: number
}

export interface CapacityLoad {
  readonly shape: Shape
  readonly gateway: Readonly<Record<'pushes' | 'changes' | 'render' | 'pages', number>>
  readonly busy: Readonly<
    Record<'gateway' | 'gatewayThreads' | 'redis' | 'gatewayLink' | 'redisLink', number>
  >
  readonly gatewayCores: number
  readonly gatewayGbits: number
  readonly redisGbits: number
  readonly gatewayMemoryBytes: number
  readonly redisMemoryBytes: number
}

export interface Served extends Servers {
  readonly load: CapacityLoad
}

export declare const MOST_BUSY: number
export declare const MOST_BUSY_WITHOUT_ONE: number
export declare function linear(cost: Linear, series: number): number
export declare function shardOf(fleet: CapacityFleet, shards: number): CapacityFleet
export declare function shapeOf(fleet: CapacityFleet, costs: UnitCosts): Shape
export declare function renewedShare(changedShare: number, blocksPerSegment: number): number
export declare function loadOf(shard: CapacityFleet, servers: Servers, costs: UnitCosts): CapacityLoad
export declare function smallestFor(shard: CapacityFleet, costs: UnitCosts): Served | undefined
export declare function planOf(
  fleet: CapacityFleet,
  costs: UnitCosts,
): (Served & { readonly shards: number; readonly shard: CapacityFleet; readonly servers: number }) | undefined
export declare function firstLimit(
  fleet: CapacityFleet,
  costs: UnitCosts,
): (Served & { readonly share: number; readonly limit: keyof CapacityLoad['busy'] }) | undefined
