import { type Pgr, startPgr } from '../support/start-pgr.ts'

/** A place, with an address of its own, where gateways live one after the other. */
export interface Seat extends Pgr {
  /** The one that lives there now. */
  sitting(): Pgr
  /** Starts the next one, when the last is gone. */
  reseat(): Promise<void>
}

export async function openSeat(flags: readonly string[]): Promise<Seat> {
  let sitting = await startPgr({ flags })
  const { port } = sitting
  return {
    ...sitting,
    sitting: () => sitting,
    kill: () => sitting.kill(),
    async reseat() {
      sitting = await startPgr({ flags, port })
    },
  }
}
