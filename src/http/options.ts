import type { SecureVersion } from 'node:tls'
import type { ReadOptions, SampleLimits } from '../formats/format.ts'
import type { TranslationOptions } from '../formats/otlp/index.ts'
import type { Gateway } from '../gateway/gateway.ts'
import type { Activity } from '../telemetry/activity.ts'
import type { Tell } from '../telemetry/events.ts'
import type { Access } from './gate/gate.ts'

/** What the HTTP side needs to know; plain values, resolved from settings elsewhere. */
export interface HttpOptions {
  /** Shown on the index page and in the status. */
  readonly version: string
  /**
   * `host:port`, `:port` or `[::1]:port`, where port 0 lets the system choose; or the descriptor of a socket that is
   * open already. At least one.
   */
  readonly listen: readonly (string | number)[]
  readonly tls: TlsMaterial | undefined
  /** Beside HTTP/1.1, with TLS. */
  readonly http2: boolean
  readonly access: Access
  /** Probes of health and readiness need no credentials. */
  readonly publicHealth: boolean
  /** Metrics and telemetry may be one path: both are shown there then. Every other pair differs. */
  readonly paths: { readonly metrics: string; readonly telemetry: string; readonly ingest: string }
  /** In front of every path; empty, or with a leading and without a trailing slash. */
  readonly routePrefix: string
  /** The same for links on pages, which a proxy may have in front of other paths. */
  readonly externalPath: string
  readonly limits: {
    /** Largest body, before and after decompression. */
    readonly bodyBytes: number
    /** Most bytes of all bodies being worked on. */
    readonly inflightBytes: number
    readonly samples: SampleLimits
  }
  /** How OTLP metrics become ours. */
  readonly otlp: Omit<TranslationOptions, 'limits'>
  readonly ttl: {
    /** Longest lifetime a push may ask for; 0 = no limit. */
    readonly maxMs: number
  }
  /** How long the store may take over one push, retries included. */
  readonly requestTimeoutMs: number
  readonly utf8Names: boolean
  /** When off, a push is answered 202. */
  readonly consistencyCheck: boolean
  /** Serve `/-/quit` and `/-/reload`. */
  readonly enableLifecycle: boolean
  /** Serve `/api/v1/admin/`. */
  readonly enableAdminApi: boolean
  /** How long `close` waits for requests under way. */
  readonly drainMs: number
  /** `pushgateway`: scrapes are never answered in OpenMetrics. */
  readonly compat: 'none' | 'pushgateway'
  /** Every setting as text by the name of its flag, no secret in it; for the status. */
  readonly flags: Readonly<Record<string, string>>
  /** Every setting in effect and where it came from, no secret in it; for the status. */
  readonly settings: readonly EffectiveSetting[]
  readonly startedAt: Date
}

export interface EffectiveSetting {
  readonly flag: string
  readonly value: string
  /** `default`, `flag`, `environment`, `file`, or `program` where a program that starts the server gave it. */
  readonly from: string
  /** The flag, variable or place in the file; empty where there is none. */
  readonly origin: string
}

/** What clients' certificates are asked and checked for; names and meaning are Go's. */
export type ClientAuth =
  | 'NoClientCert'
  | 'RequestClientCert'
  | 'RequireAnyClientCert'
  | 'VerifyClientCertIfGiven'
  | 'RequireAndVerifyClientCert'

/** What may be exchanged while the server runs, for requests that come from then on. */
export type AdjustableHttp = Pick<
  HttpOptions,
  'limits' | 'ttl' | 'requestTimeoutMs' | 'utf8Names' | 'consistencyCheck' | 'flags' | 'settings'
>

/** What new connections are set up with. */
export interface TlsMaterial {
  /** PEM. */
  readonly key: string | Buffer
  /** PEM, the server's certificate first. */
  readonly cert: string | Buffer
  /** PEM; who may vouch for clients, the usual authorities when absent. */
  readonly ca?: string
  readonly minVersion?: SecureVersion
  readonly maxVersion?: SecureVersion
  /** As OpenSSL reads them, like the curves. */
  readonly ciphers?: string
  readonly honorCipherOrder?: boolean
  readonly ecdhCurve?: string
  /** Clients are not asked for certificates when absent. */
  readonly clientAuth?: ClientAuth
  /** A client's certificate has to have one of these names. */
  readonly allowedSans?: readonly string[]
}

/** What readers go by. Asked at each request: options may be exchanged. */
export function sampleOptionsOf(options: HttpOptions): ReadOptions {
  return {
    get limits() {
      return options.limits.samples
    },
    get utf8Names() {
      return options.utf8Names
    },
  }
}

export interface HttpDeps {
  readonly gateway: Pick<
    Gateway,
    | 'push'
    | 'ingest'
    | 'placeSeries'
    | 'remoteWrite'
    | 'otlp'
    | 'removeGroup'
    | 'removeMatching'
    | 'wipe'
    | 'scrape'
    | 'groups'
    | 'snapshot'
    | 'list'
    | 'show'
    | 'cardinality'
    | 'ready'
    | 'status'
  >
  readonly tell: Tell
  readonly telemetry: {
    metrics(): Promise<{ contentType: string; body: string }>
    /** Of all processes that serve together. */
    activity(): Promise<Activity>
  }
  /** What `/-/quit` and `/-/reload` do; without it they answer as if switched off. */
  readonly lifecycle?: {
    /** Begins to stop the process; called after the answer was handed over. */
    quit(): void
    /** Reads settings anew and says what came of it, in lines. Throws or rejects with why the old ones stay. */
    reload(): string | Promise<string>
  }
}
