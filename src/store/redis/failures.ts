import { PgrError } from '../../errors/pgr-error.ts'

/** What Redis or the way to it answered, and whether sending the same write again can help within one request. */
export interface Failure {
  readonly error: PgrError
  readonly again: boolean
  /** Nothing ran, because the slot is between two nodes. */
  readonly slotIsMoving?: true
  /** Nothing ran, because the nodes have yet to agree on who serves what; that may take moments or for ever. */
  readonly clusterIsDown?: true
}

interface Rule {
  readonly means: 'passing' | 'moving' | 'down' | 'lasting' | 'operator'
  readonly say: string
}

/** By the first word of the reply; the words after it differ between versions and between scripts and commands. */
const BY_PREFIX: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ['LOADING', { means: 'passing', say: 'redis is loading its data' }],
  ['READONLY', { means: 'passing', say: 'this redis is a replica and takes no writes' }],
  ['MASTERDOWN', { means: 'passing', say: 'this redis is a replica that lost its primary' }],
  ['BUSY', { means: 'passing', say: 'redis is busy with a script' }],
  ['TRYAGAIN', { means: 'moving', say: 'redis is moving this partition' }],
  ['CLUSTERDOWN', { means: 'down', say: 'the redis cluster is down' }],
  ['NOREPLICAS', { means: 'lasting', say: 'redis has fewer replicas than `min-replicas-to-write` asks for' }],
  ['OOM', { means: 'lasting', say: 'redis is out of memory; raise `maxmemory` or remove groups' }],
  ['MISCONF', { means: 'lasting', say: 'redis cannot write its snapshot and refuses writes; mend its disk' }],
  ['NOAUTH', { means: 'operator', say: 'redis asks for a password and none is set' }],
  ['WRONGPASS', { means: 'operator', say: 'redis refuses the user or the password' }],
  ['NOPERM', { means: 'operator', say: 'the redis user lacks a permission' }],
  ['WRONGTYPE', { means: 'operator', say: 'a key under the prefix of pgr holds something else' }],
  ['MOVED', { means: 'passing', say: 'this redis does not serve the partition any more' }],
  ['ASK', { means: 'passing', say: 'redis is moving this partition' }],
  ['NOPROTO', { means: 'operator', say: 'redis does not speak the protocol version' }],
])

const UNKNOWN_NAME: Rule = {
  means: 'operator',
  say: 'the Sentinels watch no primary of the name that --redis.master-name gives',
}

/** Sorts anything that talking to Redis can throw; never anything but a PgrError comes out. */
export function classify(reason: unknown): Failure {
  if (reason instanceof PgrError) return { error: reason, again: false }
  const message = reason instanceof Error ? reason.message : String(reason)
  const rule = ruleFor(message)
  if (rule === undefined)
    return { error: unavailable(`redis did not answer: ${message}`, reason), again: true }
  const text = `${rule.say} (${message})`
  if (rule.means === 'operator') {
    return {
      error: new PgrError('PGR_STORE_MISCONFIGURED', text, { cause: reason, retryAfterSeconds: 5 }),
      again: false,
    }
  }
  const error = unavailable(text, reason)
  if (rule.means === 'moving') return { error, again: true, slotIsMoving: true }
  if (rule.means === 'down') return { error, again: true, clusterIsDown: true }
  return { error, again: rule.means === 'passing' }
}

export function unavailable(message: string, cause?: unknown): PgrError {
  return new PgrError('PGR_STORE_UNAVAILABLE', message, { cause })
}

export function unanswered(): PgrError {
  return unavailable('redis did not answer before the deadline')
}

export function misconfigured(message: string, cause?: unknown): PgrError {
  return new PgrError('PGR_STORE_MISCONFIGURED', message, { cause, retryAfterSeconds: 5 })
}

/** The user may not do what every write needs, so that the next one will be refused as well. */
export function lacksPermission({ cause }: PgrError): boolean {
  return cause instanceof Error && ruleFor(cause.message) === BY_PREFIX.get('NOPERM')
}

export function isNoScript(reason: unknown): boolean {
  return reason instanceof Error && reason.message.startsWith('NOSCRIPT')
}

/** Scripts without a rescue may be given an error as `ERR ... NOPERM`-like text of an inner call. */
function ruleFor(message: string): Rule | undefined {
  const first = /^-?([A-Z]+)\b/.exec(message)?.[1]
  const known = first === undefined ? undefined : BY_PREFIX.get(first)
  if (known !== undefined) return known
  if (/invalid password|invalid username|without any password configured/i.test(message))
    return BY_PREFIX.get('WRONGPASS')
  if (
    /ACL failure|no permissions|user .* has no permissions|can't run this command or subcommand/i.test(
      message,
    )
  )
    return BY_PREFIX.get('NOPERM')
  if (/No such master with that name/i.test(message)) return UNKNOWN_NAME
  return undefined
}
