import {
  addresses,
  addressMap,
  bool,
  count,
  duration,
  endpoints,
  integer,
  keyPrefix,
  oneOf,
  path,
  port,
  size,
  text,
  urlPath,
} from './kinds.ts'
import { type Ignored, type Setting, setting } from './setting.ts'

const SECOND_MS = 1000
const MINUTE_MS = 60 * SECOND_MS
const MIB = 2 ** 20
const GIB = 2 ** 30

/** Every setting of the server. A key is its flag in camel case. */
export const options = {
  configFile: setting({
    flag: 'config.file',
    kind: path,
    fallback: '',
    group: 'General',
    notInFile: true,
    doc: 'YAML file with settings; unknown keys in it are errors.',
  }),
  compat: setting({
    flag: 'compat',
    kind: oneOf('none', 'pushgateway'),
    fallback: 'none',
    group: 'General',
    doc: "`pushgateway` changes defaults to what that program's users rely on: port 9091, own metrics on the path of the pushed ones, and scrapes are never answered in OpenMetrics.",
  }),

  port: setting({
    flag: 'port',
    short: 'p',
    kind: port,
    fallback: 9753,
    group: 'Listening',
    doc: 'Port to listen on, on every interface; with `--compat=pushgateway` 9091 unless given. Cannot stand beside `--web.listen-address`.',
  }),
  webListenAddress: setting({
    flag: 'web.listen-address',
    kind: addresses,
    fallback: [],
    group: 'Listening',
    doc: 'Addresses to listen on instead of `--port`; may be repeated.',
  }),
  tlsEnabled: setting({
    flag: 'tls.enabled',
    kind: bool,
    fallback: false,
    group: 'Listening',
    yamlAliases: ['tls_enabled'],
    doc: 'Serve HTTPS; needs a key and a certificate.',
  }),
  tlsKey: setting({
    flag: 'tls.key',
    kind: path,
    fallback: '',
    group: 'Listening',
    yamlAliases: ['tls_key_path'],
    doc: 'Private key of the server, PEM.',
  }),
  tlsCert: setting({
    flag: 'tls.cert',
    kind: path,
    fallback: '',
    group: 'Listening',
    yamlAliases: ['tls_cert_path'],
    doc: 'Certificate of the server followed by its chain, PEM.',
  }),

  metricsPath: setting({
    flag: 'metrics.path',
    short: 'm',
    kind: urlPath,
    fallback: '/metrics',
    group: 'Paths',
    aliases: ['web.telemetry-path'],
    yamlAliases: ['metrics_path'],
    doc: 'Where Prometheus scrapes what was pushed; push paths do not move with it.',
  }),
  telemetryPath: setting({
    flag: 'telemetry.path',
    short: 't',
    kind: urlPath,
    fallback: '/telemetry',
    group: 'Paths',
    yamlAliases: ['telemetry_path'],
    doc: 'Where the server shows metrics about itself; with `--compat=pushgateway` the path of the pushed metrics unless given.',
  }),
  ingestPath: setting({
    flag: 'ingest.path',
    short: 'i',
    kind: urlPath,
    fallback: '/ingest',
    group: 'Paths',
    yamlAliases: ['ingest_path'],
    doc: 'Where metrics are pushed without a group and merged one by one.',
  }),

  store: setting({
    flag: 'store',
    kind: oneOf('auto', 'embedded', 'redis'),
    fallback: 'auto',
    group: 'Store',
    doc: '`embedded` keeps everything in this process, `redis` shares it between replicas; `auto` is `redis` when an endpoint is given and `embedded` otherwise.',
  }),

  persistenceFile: setting({
    flag: 'persistence.file',
    kind: path,
    fallback: '',
    group: 'Store',
    doc: 'File that the embedded store is written to and begins with, so that pushed metrics outlive the process; without one they go with it.',
  }),
  persistenceInterval: setting({
    flag: 'persistence.interval',
    kind: duration({ minMs: 100 }),
    fallback: 5 * MINUTE_MS,
    group: 'Store',
    doc: 'How often that file is written when something changed, and so the most that a crash can lose; a stop writes it, too.',
  }),

  redisEndpoint: setting({
    flag: 'redis.endpoint',
    kind: endpoints,
    fallback: [],
    group: 'Redis',
    doc: 'Where Redis is: `host:port`, `:port`, `redis://` or `rediss://`; `--store=redis` alone means `:6379`. Several separated by commas are nodes of one Cluster; with a master name they are Sentinels.',
  }),
  redisMasterName: setting({
    flag: 'redis.master-name',
    kind: text,
    fallback: '',
    group: 'Redis',
    doc: 'Name of the primary as Sentinels know it; with one the endpoints are Sentinels, `:26379` unless given.',
  }),
  redisUsername: setting({
    flag: 'redis.username',
    kind: text,
    fallback: '',
    group: 'Redis',
    doc: 'User of the Redis ACL.',
  }),
  redisPassword: setting({
    flag: 'redis.password',
    kind: text,
    fallback: '',
    group: 'Redis',
    secret: true,
    doc: 'Password for Redis; prefer the environment or a file, because other users of a machine can see flags.',
  }),
  redisDb: setting({
    flag: 'redis.db',
    kind: integer({ min: 0, max: 65_535 }),
    fallback: 0,
    group: 'Redis',
    doc: 'Number of the database; a Cluster has 0 alone.',
  }),
  redisSentinelUsername: setting({
    flag: 'redis.sentinel-username',
    kind: text,
    fallback: '',
    group: 'Redis',
    doc: 'User of the ACL of the Sentinels, which have their own.',
  }),
  redisSentinelPassword: setting({
    flag: 'redis.sentinel-password',
    kind: text,
    fallback: '',
    group: 'Redis',
    secret: true,
    doc: 'Password for the Sentinels.',
  }),
  redisSentinelStrict: setting({
    flag: 'redis.sentinel-strict',
    kind: bool,
    fallback: false,
    group: 'Redis',
    doc: 'Refuse pushes while no majority of the Sentinels confirms the primary, or one names another: what a primary takes that was cut off from them is lost.',
  }),
  redisNatMap: setting({
    flag: 'redis.nat-map',
    kind: addressMap,
    fallback: new Map(),
    group: 'Redis',
    doc: 'How to reach addresses that Sentinels and Cluster nodes announce and that mean nothing here: `announced-host:port=reachable-host:port`.',
  }),
  redisWaitReplicas: setting({
    flag: 'redis.wait-replicas',
    kind: integer({ min: 0, max: 100 }),
    fallback: 0,
    group: 'Redis',
    doc: 'How many replicas of Redis must have a push before it is acknowledged.',
  }),
  redisWaitTimeout: setting({
    flag: 'redis.wait-timeout',
    kind: duration({ minMs: 1 }),
    fallback: 500,
    group: 'Redis',
    doc: 'How long those replicas may take before the push is answered 503; below `--redis.timeout`.',
  }),
  redisResubmitWindow: setting({
    flag: 'redis.resubmit-window',
    kind: duration({ zero: 'off' }),
    fallback: 30 * SECOND_MS,
    group: 'Redis',
    doc: 'How long acknowledged pushes are remembered, so that those a failover of Redis loses are counted and sent again; at most `1m`, and with `0` neither happens.',
  }),
  redisResubmitMaxBytes: setting({
    flag: 'redis.resubmit-max-bytes',
    kind: size({ min: MIB }),
    fallback: 64 * MIB,
    group: 'Redis',
    doc: 'Most memory for remembered pushes; the oldest are forgotten first.',
  }),
  redisResubmitAfter: setting({
    flag: 'redis.resubmit-after',
    kind: oneOf('never', 'failover', 'restart', 'empty'),
    fallback: 'failover',
    group: 'Redis',
    doc: 'After what lost pushes are sent again: `never` (they are only counted), after a `failover` to another primary, also after a `restart` with older data, or also when Redis came back `empty`, as it does when an operator emptied it.',
  }),
  redisTimeout: setting({
    flag: 'redis.timeout',
    kind: duration({ minMs: 10 }),
    fallback: SECOND_MS,
    group: 'Redis',
    doc: 'How long to wait for a connection or for one answer of Redis.',
  }),
  redisExpiration: setting({
    flag: 'redis.expiration',
    kind: duration({ zero: 'never' }),
    fallback: 5 * MINUTE_MS,
    group: 'Redis',
    doc: 'How long pushed metrics live unless a push asks for something else, in either store.',
  }),
  redisPrefix: setting({
    flag: 'redis.prefix',
    kind: keyPrefix,
    fallback: 'pgr',
    group: 'Redis',
    doc: 'Start of the name of every key; gateways with different prefixes do not see each other.',
  }),
  redisTlsEnabled: setting({
    flag: 'redis.tls.enabled',
    kind: bool,
    fallback: false,
    group: 'Redis',
    yamlAliases: ['redis.tls_enabled'],
    doc: 'Speak TLS to Redis; `rediss://` endpoints do so anyway.',
  }),
  redisTlsCa: setting({
    flag: 'redis.tls.ca',
    kind: path,
    fallback: '',
    group: 'Redis',
    doc: 'Certificates of the authorities to trust for Redis, PEM; those of the system unless given.',
  }),
  redisTlsCert: setting({
    flag: 'redis.tls.cert',
    kind: path,
    fallback: '',
    group: 'Redis',
    doc: 'Client certificate to show to Redis, PEM.',
  }),
  redisTlsKey: setting({
    flag: 'redis.tls.key',
    kind: path,
    fallback: '',
    group: 'Redis',
    doc: 'Private key of the client certificate, PEM.',
  }),
  redisTlsSkipVerify: setting({
    flag: 'redis.tls.skip-verify',
    kind: bool,
    fallback: false,
    group: 'Redis',
    yamlAliases: ['redis.tls_skip_verify'],
    doc: 'Accept any certificate from Redis, also that of an attacker.',
  }),
  redisForceEvictionPolicy: setting({
    flag: 'redis.force-eviction-policy',
    kind: bool,
    fallback: false,
    group: 'Redis',
    doc: 'Start although Redis may evict any key when memory is full (`allkeys-*`), which loses pushed metrics.',
  }),

  pushMaxBody: setting({
    flag: 'push.max-body',
    kind: size({ min: 1024 }),
    fallback: 64 * MIB,
    group: 'Pushing',
    doc: 'Largest body of a push, before and after decompression.',
  }),
  pushMaxTtl: setting({
    flag: 'push.max-ttl',
    kind: duration({ zero: 'no limit' }),
    fallback: 0,
    group: 'Pushing',
    doc: 'Longest lifetime a push may ask for; with a limit, living forever cannot be asked for either.',
  }),
  pushMaxSeries: setting({
    flag: 'push.max-series',
    kind: count({ min: 1 }),
    fallback: 500_000,
    group: 'Pushing',
    doc: 'Most series in one push.',
  }),
  pushMaxLabels: setting({
    flag: 'push.max-labels',
    kind: count({ min: 1 }),
    fallback: 64,
    group: 'Pushing',
    doc: 'Most labels of one series.',
  }),
  pushMaxNameLength: setting({
    flag: 'push.max-name-length',
    kind: count({ min: 1 }),
    fallback: 1024,
    group: 'Pushing',
    doc: 'Longest name of a metric or label, in characters.',
  }),
  pushMaxValueLength: setting({
    flag: 'push.max-value-length',
    kind: count({ min: 1 }),
    fallback: 16_384,
    group: 'Pushing',
    doc: 'Longest value of a label, in characters.',
  }),
  pushMaxInflightBytes: setting({
    flag: 'push.max-inflight-bytes',
    kind: size({ min: 1024 }),
    fallback: 512 * MIB,
    group: 'Pushing',
    doc: 'Most bytes of all pushes being worked on; beyond it pushes are answered 503 and may be sent again.',
  }),
  pushTimeout: setting({
    flag: 'push.timeout',
    kind: duration({ minMs: 10 }),
    fallback: 3 * SECOND_MS,
    group: 'Pushing',
    doc: 'How long the store may take to accept one push, retries included, before it is answered 503.',
  }),
  pushDisableConsistencyCheck: setting({
    flag: 'push.disable-consistency-check',
    kind: bool,
    fallback: false,
    group: 'Pushing',
    doc: 'Answer pushes 202 without checking them against what is stored.',
  }),
  pushEnableUtf8Names: setting({
    flag: 'push.enable-utf8-names',
    kind: bool,
    fallback: false,
    group: 'Pushing',
    doc: 'Allow any UTF-8 text as the name of a metric or label.',
  }),
  pushTimeRetention: setting({
    flag: 'push.time-retention',
    kind: duration({ zero: 'no longer' }),
    fallback: 0,
    group: 'Pushing',
    doc: 'How long `push_time_seconds` of a group outlives its metrics, so that a job that stopped pushing can be alerted on.',
  }),

  limitsSeries: setting({
    flag: 'limits.series',
    kind: count({ min: 1 }),
    fallback: 10_000_000,
    group: 'Limits',
    doc: 'Most series stored; beyond it pushes are answered 429.',
  }),
  limitsUnits: setting({
    flag: 'limits.units',
    kind: count({ min: 1 }),
    fallback: 1_000_000,
    group: 'Limits',
    doc: 'Most groups and series sets stored.',
  }),
  limitsBytes: setting({
    flag: 'limits.bytes',
    kind: size({ min: MIB }),
    fallback: 4 * GIB,
    group: 'Limits',
    doc: 'Most bytes of pushed metrics stored.',
  }),
  limitsSetMetrics: setting({
    flag: 'limits.set-metrics',
    kind: count({ min: 1 }),
    fallback: 100_000,
    group: 'Limits',
    doc: 'Most metrics of one series set, that is of one job and instance.',
  }),

  expositionTimestamps: setting({
    flag: 'exposition.timestamps',
    kind: bool,
    fallback: false,
    group: 'Scraping',
    doc: 'Show the timestamps that came with merged samples.',
  }),
  expositionMaxStale: setting({
    flag: 'exposition.max-stale',
    kind: duration({ zero: 'no stale page' }),
    fallback: 0,
    group: 'Scraping',
    doc: 'How old the last complete page may be to be shown, without what expired since, while the store or a part of it is away; a scrape that cannot be served this way is answered 503.',
  }),
  pollInterval: setting({
    flag: 'poll.interval',
    kind: duration({ minMs: 50 }),
    fallback: SECOND_MS,
    group: 'Scraping',
    doc: 'How often a replica asks the store what changed, so that a scrape has less to catch up with.',
  }),

  shutdownDrainDelay: setting({
    flag: 'shutdown.drain-delay',
    kind: duration({ zero: 'at once' }),
    fallback: 5 * SECOND_MS,
    group: 'Stopping',
    doc: 'How long everything is still served after SIGTERM while readiness already fails, so that balancers look away first; SIGINT does not wait.',
  }),
  shutdownTimeout: setting({
    flag: 'shutdown.timeout',
    kind: duration({ minMs: 10 }),
    fallback: 30 * SECOND_MS,
    group: 'Stopping',
    doc: 'How long requests under way may take to end once the drain delay is over.',
  }),

  webEnableLifecycle: setting({
    flag: 'web.enable-lifecycle',
    kind: bool,
    fallback: false,
    group: 'Operating',
    doc: 'Allow shutting down by HTTP.',
  }),
  webEnableAdminApi: setting({
    flag: 'web.enable-admin-api',
    kind: bool,
    fallback: false,
    group: 'Operating',
    doc: 'Reserved for wiping everything by HTTP, which this version does not serve.',
  }),

  logLevel: setting({
    flag: 'log.level',
    kind: oneOf('debug', 'info', 'warn', 'error'),
    fallback: 'info',
    group: 'Log',
    doc: 'Least severe messages to log.',
  }),
  logFormat: setting({
    flag: 'log.format',
    kind: oneOf('logfmt', 'json'),
    fallback: 'logfmt',
    group: 'Log',
    doc: 'How log lines are written.',
  }),
} as const

export type SettingKey = keyof typeof options

/** The value of every setting, as its row types it. */
export type SettingValues = {
  readonly [Key in SettingKey]: (typeof options)[Key] extends Setting<infer Value> ? Value : never
}

/** The table as a list, for loops. */
export const settingRows: readonly (readonly [SettingKey, Setting<unknown>])[] = Object.entries(options) as [
  SettingKey,
  Setting<unknown>,
][]

/** Accepted so that existing command lines and files keep working. */
export const ignoredSettings: readonly Ignored[] = [
  { flag: 'redis.pool-size', because: 'commands share a few pipelined connections instead of a pool' },
  { flag: 'redis.idle-timeout', because: 'connections are kept open' },
  { flag: 'redis.max-connection-age', because: 'connections are kept open' },
]
