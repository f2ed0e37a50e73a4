import { PgrError } from '../errors/pgr-error.ts'

/** The first descriptor that is handed over; the others follow. */
const FIRST = 3
/** Nobody hands over more; guards against a number that is none. */
const MOST = 1024

/**
 * Descriptors of the listening sockets that systemd opened for this process, as `sd_listen_fds` has it: at least one.
 * Throws PGR_START_FAILED with what is missing.
 */
export function inheritedSockets(
  env: Readonly<Record<string, string | undefined>>,
  pid: number,
  platform: string,
): readonly number[] {
  const { ['LISTEN_PID']: forPid = '', ['LISTEN_FDS']: fds = '' } = env
  if (platform !== 'linux') refuse('sockets are handed over on Linux only; give --web.listen-address instead')
  if (forPid === '' || fds === '')
    refuse(
      'none was handed over, LISTEN_PID and LISTEN_FDS are not set: start the socket unit, or leave --web.systemd-socket out',
    )
  if (forPid !== String(pid))
    refuse(
      `they are for process ${JSON.stringify(forPid)}, and this is ${pid}: nothing may stand between systemd and pgr but what ends in exec`,
    )
  const count = /^\d{1,4}$/.test(fds) ? Number(fds) : 0
  if (count < 1 || count > MOST) refuse(`LISTEN_FDS is ${JSON.stringify(fds)}, which is no number of sockets`)
  return Array.from({ length: count }, (_, n) => FIRST + n)
}

function refuse(why: string): never {
  throw new PgrError('PGR_START_FAILED', `cannot listen on sockets of systemd: ${why}`)
}
