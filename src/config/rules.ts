import { availableParallelism } from 'node:os'
import { type Notice, type Origin, refuse } from './given.ts'
import { type Address, pathOfUrl, showAddress } from './kinds.ts'
import { options, type SettingKey, type SettingValues } from './options.ts'

/** Settings as the program uses them: read, checked against each other, and with nothing left to guess. */
export type Settings = Omit<SettingValues, 'store' | 'workers'> & {
  readonly store: 'embedded' | 'redis'
  readonly workers: number
}

export type Origins = Readonly<Record<SettingKey, Origin>>

const COMPAT_PORT = 9091

/** Half as long as a store remembers the ids of writes: time enough to compare them. */
const MAX_RESUBMIT_WINDOW_MS = 60_000

const SENTINEL_KEYS = ['redisSentinelUsername', 'redisSentinelPassword', 'redisSentinelStrict'] as const

/** Settings without effect on the embedded store, but for those that only follow from others. */
const REDIS_KEYS = [
  'redisEndpoint',
  'redisMasterName',
  'redisUsername',
  'redisPassword',
  'redisTlsEnabled',
  ...SENTINEL_KEYS,
  'redisNatMap',
  'redisWaitReplicas',
  'redisResubmitWindow',
] as const

const PERSISTENCE_KEYS = ['persistenceFile', 'persistenceInterval'] as const

/** Paths that always belong to the server. */
const RESERVED_PATHS = ['/metrics/job/', '/api/', '/-/', '/v1/metrics/']

/**
 * What no single row can say: defaults that follow from other settings, and combinations that cannot work. Throws
 * PGR_SETTING_INVALID. The result listens somewhere: `webListenAddress` is empty only where sockets are handed over.
 */
export function applyRules(
  values: SettingValues,
  origins: Origins,
): { settings: Settings; notices: Notice[] } {
  const isGiven = (key: SettingKey) => origins[key].from !== 'default'
  const settings = complete(values, origins, isGiven)
  refuseTwoPlaces(settings, origins, isGiven)
  refuseDoubleAddresses([...settings.webListenAddress, ...settings.otlpListenAddress])
  refusePaths(settings, origins)
  refuseTls(settings)
  refuseTwoTls(settings)
  refuseBounds(settings)
  refuseWorkers(values.workers, settings, origins)
  if (settings.store === 'redis') refuseTopology(settings)
  return { settings, notices: findNotices(settings) }
}

function complete(values: SettingValues, origins: Origins, isGiven: (key: SettingKey) => boolean): Settings {
  const likePushgateway = values.compat === 'pushgateway'
  const hasRedis = values.redisEndpoint.length > 0 || values.redisMasterName !== ''
  const store = values.store === 'auto' ? (hasRedis ? 'redis' : 'embedded') : values.store
  const usualEndpoint = values.redisMasterName === '' ? ':6379' : ':26379'
  const redisEndpoint =
    store === 'redis' && values.redisEndpoint.length === 0 ? [usualEndpoint] : values.redisEndpoint
  const port = likePushgateway && !isGiven('port') ? COMPAT_PORT : values.port
  return {
    ...values,
    port,
    workers: values.workers === 'auto' ? availableParallelism() : values.workers,
    webListenAddress:
      isGiven('webListenAddress') || values.webSystemdSocket ? values.webListenAddress : [{ host: '', port }],
    telemetryPath:
      (likePushgateway || asTelemetryPath(origins)) && !isGiven('telemetryPath')
        ? values.metricsPath
        : values.telemetryPath,
    webRoutePrefix: withoutSlash(
      isGiven('webRoutePrefix') ? values.webRoutePrefix : pathOfUrl(values.webExternalUrl),
    ),
    store,
    redisEndpoint,
  }
}

/** Pushgateway's name for the path means that own metrics are there, too. */
function asTelemetryPath({ metricsPath }: Origins): boolean {
  return /web[._]telemetry[-_]path/i.test(metricsPath.name)
}

function withoutSlash(path: string): string {
  return path === '/' ? '' : path
}

function refuseTwoPlaces(
  { webSystemdSocket }: Settings,
  origins: Origins,
  isGiven: (key: SettingKey) => boolean,
): void {
  const ways = (['port', 'webListenAddress'] as const).filter(isGiven)
  const [one, other] = webSystemdSocket ? [...ways, 'webSystemdSocket' as const] : ways
  if (one !== undefined && other !== undefined)
    refuse(`${origins[one].name} cannot stand beside ${origins[other].name}: give only one of them`)
}

function refuseDoubleAddresses(addresses: readonly Address[]): void {
  const seen = new Set<string>()
  for (const address of addresses) {
    const shown = showAddress(address)
    if (seen.has(shown) && address.port !== 0) refuse(`--web.listen-address names ${shown} twice`)
    seen.add(shown)
  }
}

function refusePaths(settings: Settings, origins: Origins): void {
  const keys = ['metricsPath', 'telemetryPath', 'ingestPath'] as const
  for (const key of keys) {
    const reserved = RESERVED_PATHS.find((start) => `${settings[key]}/`.startsWith(start))
    if (reserved)
      refuse(
        `${nameOf(key, origins)} is ${settings[key]}, but paths under ${reserved} are taken: choose another`,
      )
  }
  const pairs = [
    ['metricsPath', 'ingestPath'],
    ['telemetryPath', 'ingestPath'],
    ['metricsPath', 'telemetryPath'],
  ] as const
  for (const [one, other] of pairs) {
    if (settings[one] !== settings[other]) continue
    const mayBeOne = settings.compat === 'pushgateway' || asTelemetryPath(origins)
    if (other === 'telemetryPath' && mayBeOne) continue
    refuse(
      `${nameOf(one, origins)} and ${nameOf(other, origins)} are both ${settings[one]}: give each its own path`,
    )
  }
}

function refuseTls(settings: Settings): void {
  if (settings.tlsEnabled && (settings.tlsKey === '' || settings.tlsCert === '')) {
    refuse(`--tls.enabled needs ${settings.tlsKey === '' ? '--tls.key' : '--tls.cert'}`)
  }
  if ((settings.redisTlsKey === '') !== (settings.redisTlsCert === '')) {
    refuse('--redis.tls.cert and --redis.tls.key belong together: give both or none')
  }
}

/** TLS is set up in one place. */
function refuseTwoTls(settings: Settings): void {
  if (settings.webConfigFile === '') return
  const given = (['tlsEnabled', 'tlsKey', 'tlsCert'] as const).filter(
    (key) => settings[key] !== options[key].fallback,
  )
  if (given.length === 0) return
  const flags = given.map((key) => `--${options[key].flag}`).join(', ')
  refuse(
    `${flags} cannot stand beside --web.config.file: move the certificate and the key into tls_server_config of that file`,
  )
}

function refuseBounds(settings: Settings): void {
  const { kind } = options.redisExpiration
  const longest = settings.pushMaxTtl
  if (longest > 0 && (settings.redisExpiration === 0 || settings.redisExpiration > longest)) {
    const lifetime = settings.redisExpiration === 0 ? 'never' : kind.show(settings.redisExpiration)
    refuse(
      `--redis.expiration is ${lifetime}, over the ${kind.show(longest)} of --push.max-ttl: lower the one or raise the other`,
    )
  }
  if (settings.pushMaxBody > settings.pushMaxInflightBytes) {
    const { show } = options.pushMaxBody.kind
    refuse(
      `--push.max-body is ${show(settings.pushMaxBody)}, over the ${show(settings.pushMaxInflightBytes)} of --push.max-inflight-bytes, so that such a push could never be taken: lower the one or raise the other`,
    )
  }
}

/** `auto` as well where it means one: what starts on one machine has to start on a larger one. */
function refuseWorkers(given: number | 'auto', { store }: Settings, origins: Origins): void {
  if (given === 1 || store === 'redis') return
  refuse(
    `${nameOf('workers', origins)} is ${given}, but the store is embedded in one process, whose memory others cannot share: give --redis.endpoint, or leave it out`,
  )
}

function refuseTopology(settings: Settings): void {
  const { redisEndpoint, redisMasterName, redisDb, redisTimeout } = settings
  if (redisMasterName === '') {
    const stray = SENTINEL_KEYS.find((key) => settings[key] !== options[key].fallback)
    if (stray !== undefined)
      refuse(
        `--${options[stray].flag} speaks of Sentinels, but no primary is named: give --redis.master-name, as the Sentinels know it, or leave it out`,
      )
    if (redisDb !== 0 && redisEndpoint.length > 1)
      refuse(
        `--redis.db is ${redisDb}, but several endpoints are a Cluster, which has no database but 0: leave it out, or give --redis.master-name if the endpoints are Sentinels`,
      )
  }
  if (settings.redisWaitReplicas > 0 && settings.redisWaitTimeout >= redisTimeout) {
    const { show } = options.redisWaitTimeout.kind
    refuse(
      `--redis.wait-timeout is ${show(settings.redisWaitTimeout)}, not below the ${show(redisTimeout)} of --redis.timeout, after which the answer counts as lost: lower the one or raise the other`,
    )
  }
  if (settings.redisResubmitWindow > MAX_RESUBMIT_WINDOW_MS) {
    const { show } = options.redisResubmitWindow.kind
    refuse(
      `--redis.resubmit-window is ${show(settings.redisResubmitWindow)}, over the longest of ${show(MAX_RESUBMIT_WINDOW_MS)}: Redis knows a push again only so long; lower it`,
    )
  }
}

function findNotices(settings: Settings): Notice[] {
  const notices: Notice[] = []
  const warnUnused = (keys: readonly SettingKey[], why: string) => {
    const unused = keys
      .filter((key) => settings[key] !== options[key].fallback)
      .map((key) => `--${options[key].flag}`)
    if (unused.length > 0)
      notices.push({ level: 'warn', message: `${unused.join(', ')} without effect: ${why}` })
  }
  if (settings.webConfigFile === '' && settings.webAuthBearerTokenFile === '') {
    warnUnused(
      ['webAuthPublicHealth'],
      'nobody is asked for credentials, --web.config.file and --web.auth.bearer-token-file say who may come in',
    )
  }
  if (!settings.tlsEnabled) warnUnused(['tlsKey', 'tlsCert'], 'HTTPS is off, --tls.enabled turns it on')
  if (settings.store === 'embedded') {
    warnUnused(REDIS_KEYS, 'the store is embedded in this process, --store=redis makes it Redis')
    if (settings.persistenceFile === '')
      warnUnused(['persistenceInterval'], 'no file is written, --persistence.file names one')
    return notices
  }
  warnUnused(PERSISTENCE_KEYS, 'the store is Redis, whose own persistence keeps what has to outlive it')
  if (!settings.redisTlsEnabled && !settings.redisEndpoint.some((one) => one.startsWith('rediss://'))) {
    warnUnused(
      ['redisTlsCa', 'redisTlsCert', 'redisTlsKey', 'redisTlsSkipVerify'],
      'TLS to Redis is off, --redis.tls.enabled turns it on',
    )
  }
  if (settings.redisWaitReplicas === 0)
    warnUnused(['redisWaitTimeout'], 'no replica is waited for, --redis.wait-replicas says how many are')
  if (settings.redisResubmitWindow === 0)
    warnUnused(
      ['redisResubmitMaxBytes', 'redisResubmitAfter'],
      'no push is remembered, --redis.resubmit-window says how long they are',
    )
  return notices
}

function nameOf(key: SettingKey, origins: Origins): string {
  return origins[key].name || `--${options[key].flag}`
}
