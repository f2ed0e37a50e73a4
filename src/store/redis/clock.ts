/** A deadline far beyond any clock, for housekeeping that nobody waits for. */
export const NO_DEADLINE = '9007199254740991'

/**
 * The server's clock as seen from this process: what to add to `performance.now()` to get the server's time in
 * milliseconds. Used for deadlines only, so it is never estimated too late: a reply proves that the server's clock was
 * at least so far when it arrived.
 */
export class ServerClock {
  private offsetMs: number | undefined

  /** Notes a time the server told in a reply to what was sent at `sentMs` and received at `receivedMs`. */
  observe(serverMs: number, sentMs: number, receivedMs: number): void {
    const least = serverMs - receivedMs
    // One millisecond more: the server's milliseconds are cut off, ours are not.
    const most = serverMs + 1 - sentMs
    if (this.offsetMs === undefined || least > this.offsetMs || most < this.offsetMs) this.offsetMs = least
  }

  /** The server's time at an instant of `performance.now()`; undefined before the first observation. */
  at(instantMs: number): number | undefined {
    return this.offsetMs === undefined ? undefined : Math.floor(instantMs + this.offsetMs)
  }
}
