/**
 * errors: every way to fail, once.
 *
 * The code is the contract: the HTTP status, the exit code and whether trying again can help are looked up here and
 * never decided where the error is raised. Codes are public; renaming one is a breaking change.
 */
export interface Failure {
  /** HTTP status the server answers with. */
  readonly status: number
  /** Exit code of the command line when it ends with this failure. */
  readonly exit: number
  /** True when the same request may succeed later without being changed. */
  readonly retry: boolean
  /** One sentence for the reference page: when it happens. */
  readonly when: string
}

const EXIT_FAILED = 1
const EXIT_USAGE = 2
const EXIT_INVALID = 3
const EXIT_AUTH = 4
const EXIT_TEMPORARY = 75

export const catalogue = {
  PGR_BODY_MALFORMED: {
    status: 400,
    exit: EXIT_INVALID,
    retry: false,
    when: 'the body does not follow its format',
  },
  PGR_BODY_TOO_LARGE: {
    status: 413,
    exit: EXIT_FAILED,
    retry: false,
    when: 'the body is over `push.max-body`, before or after decompression',
  },
  PGR_ENCODING_UNSUPPORTED: {
    status: 415,
    exit: EXIT_FAILED,
    retry: false,
    when: 'the Content-Encoding is not one this path reads',
  },
  PGR_TYPE_UNSUPPORTED: {
    status: 415,
    exit: EXIT_FAILED,
    retry: false,
    when: 'the Content-Type belongs to another path or to none',
  },
  PGR_PATH_INVALID: {
    status: 400,
    exit: EXIT_FAILED,
    retry: false,
    when: 'the push path does not name a group',
  },
  PGR_TTL_INVALID: {
    status: 400,
    exit: EXIT_USAGE,
    retry: false,
    when: 'the asked lifetime cannot be read or is over `push.max-ttl`',
  },
  PGR_SELECTOR_INVALID: {
    status: 400,
    exit: EXIT_USAGE,
    retry: false,
    when: 'a `match[]` is missing, is no selector, or selects everything',
  },
  PGR_QUERY_INVALID: {
    status: 400,
    exit: EXIT_USAGE,
    retry: false,
    when: 'a parameter of the query is not one of the values it may have',
  },
  PGR_LIMIT_EXCEEDED: {
    status: 400,
    exit: EXIT_INVALID,
    retry: false,
    when: 'one push carries more labels, longer names or more series than allowed',
  },
  PGR_PUSH_INVALID: {
    status: 400,
    exit: EXIT_INVALID,
    retry: false,
    when: 'the body is well formed but may not be pushed, for example because it carries timestamps',
  },
  PGR_PUSH_INCONSISTENT: {
    status: 400,
    exit: EXIT_INVALID,
    retry: false,
    when: 'the push contradicts itself or metrics already stored',
  },
  PGR_UNAUTHORIZED: { status: 401, exit: EXIT_AUTH, retry: false, when: 'credentials are missing or wrong' },
  PGR_FORBIDDEN: {
    status: 403,
    exit: EXIT_AUTH,
    retry: false,
    when: 'the interface is switched off by a setting',
  },
  PGR_NOT_FOUND: { status: 404, exit: EXIT_FAILED, retry: false, when: 'nothing is served at this path' },
  PGR_METHOD_NOT_ALLOWED: {
    status: 405,
    exit: EXIT_FAILED,
    retry: false,
    when: 'the path exists, the method does not',
  },
  PGR_QUOTA_EXCEEDED: {
    status: 429,
    exit: EXIT_TEMPORARY,
    retry: true,
    when: 'the store holds as many series, units or bytes as the limits allow',
  },
  PGR_RATE_LIMITED: {
    status: 429,
    exit: EXIT_TEMPORARY,
    retry: true,
    when: 'more requests come than `rate_limit` of the web configuration file allows',
  },
  PGR_STORE_UNAVAILABLE: {
    status: 503,
    exit: EXIT_TEMPORARY,
    retry: true,
    when: 'the store does not answer or refuses writes for now',
  },
  PGR_STORE_DEGRADED: {
    status: 503,
    exit: EXIT_TEMPORARY,
    retry: true,
    when: 'part of the store is away, and the answer needs that part',
  },
  PGR_STORE_MISCONFIGURED: {
    status: 503,
    exit: EXIT_FAILED,
    retry: true,
    when: 'the store answers but cannot be used until an operator mends it',
  },
  PGR_OVERLOADED: {
    status: 503,
    exit: EXIT_TEMPORARY,
    retry: true,
    when: 'more bytes are in flight than `push.max-inflight-bytes`, too many passwords wait to be checked, listings wait for each other or take too long, or a worker process does not answer in time',
  },
  PGR_STOPPING: {
    status: 503,
    exit: EXIT_TEMPORARY,
    retry: true,
    when: 'the process is starting or shutting down',
  },
  PGR_SETTING_INVALID: {
    status: 500,
    exit: EXIT_USAGE,
    retry: false,
    when: 'a flag, environment variable or key of the configuration file is wrong',
  },
  PGR_WEB_CONFIG_INVALID: {
    status: 500,
    exit: EXIT_INVALID,
    retry: false,
    when: 'the web configuration file, a file it names or the file of tokens is wrong',
  },
  PGR_START_FAILED: {
    status: 500,
    exit: EXIT_FAILED,
    retry: false,
    when: 'the server could not start, for example because the port is taken',
  },
  PGR_PUSH_REFUSED: {
    status: 500,
    exit: EXIT_FAILED,
    retry: false,
    when: 'a gateway refused what the command line sent',
  },
  PGR_GATEWAY_UNREACHABLE: {
    status: 500,
    exit: EXIT_FAILED,
    retry: true,
    when: 'no gateway answered at the given address',
  },
  PGR_GATEWAY_BUSY: {
    status: 500,
    exit: EXIT_TEMPORARY,
    retry: true,
    when: 'the gateway kept answering 429 or 5xx until retries ran out',
  },
  PGR_IMPORT_INCOMPLETE: {
    status: 500,
    exit: EXIT_TEMPORARY,
    retry: true,
    when: 'an import stopped before its end, and the same command goes on with it',
  },
  PGR_CHECK_FAILED: {
    status: 500,
    exit: EXIT_FAILED,
    retry: false,
    when: 'a check of the command line found something that is not in order',
  },
  PGR_INTERNAL: { status: 500, exit: EXIT_FAILED, retry: false, when: 'a defect in pgr; please report it' },
} as const satisfies Record<`PGR_${string}`, Failure>

export type ErrorCode = keyof typeof catalogue
