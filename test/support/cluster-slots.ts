import { type Child, startChild } from './child.ts'
import type { ClusterNode } from './cluster-view.ts'
import { peerOrThrow } from './peers.ts'
import type { RedisOptions } from './redis-server.ts'
import { asStrings } from './resp.ts'

export interface Credentials {
  readonly password?: string
  readonly tls?: NonNullable<RedisOptions['tls']>
}

/** `redis-cli --cluster <what>`, as an operator runs it; never asks anything. */
export function runClusterTool(what: readonly string[], credentials: Credentials): Child {
  const { password, tls } = credentials
  return startChild({
    name: `redis-cli --cluster ${what[0]}`,
    command: peerOrThrow('redis-cli').path,
    args: [
      ...(tls === undefined ? [] : ['--tls', '--cacert', tls.ca]),
      '--cluster',
      ...what,
      '--cluster-yes',
    ],
    env: { ...process.env, ...(password === undefined ? {} : { REDISCLI_AUTH: password }) },
  })
}

/** Resolves when the program ended well; fails with what it wrote otherwise. */
export async function finish(tool: Child): Promise<void> {
  const { code, signal } = await tool.exited
  if (code !== 0) throw new Error(`${tool.name} ended (${signal ?? code}); it wrote:\n${tool.output()}`)
}

export async function openSlot(slot: number, from: ClusterNode, to: ClusterNode): Promise<void> {
  await to.ask('CLUSTER', 'SETSLOT', String(slot), 'IMPORTING', from.id)
  await from.ask('CLUSTER', 'SETSLOT', String(slot), 'MIGRATING', to.id)
}

const MIGRATE_TIMEOUT_MS = 5000
const MIGRATE_BATCH = 10

export interface KeyMove {
  readonly slot: number
  readonly from: ClusterNode
  /** Of the target, as `host:port`. */
  readonly address: string
  readonly password: string | undefined
}

/** Moves all keys of a slot to the other end, ten at a time as `redis-cli` does. */
export async function migrateSlotKeys(move: KeyMove): Promise<void> {
  for (;;) {
    const keys = asStrings(
      await move.from.ask('CLUSTER', 'GETKEYSINSLOT', String(move.slot), String(MIGRATE_BATCH)),
    )
    if (keys.length === 0) return
    await migrateKeys(move, keys)
  }
}

/** In one step; keys that are not there are passed over. */
export async function migrateKeys(move: Omit<KeyMove, 'slot'>, keys: readonly string[]): Promise<void> {
  const [host = '', port = ''] = move.address.split(':')
  const auth = move.password === undefined ? [] : ['AUTH', move.password]
  const timeout = String(MIGRATE_TIMEOUT_MS)
  const connection = move.from.open(2 * MIGRATE_TIMEOUT_MS)
  try {
    await connection.ask('MIGRATE', host, port, '', '0', timeout, ...auth, 'KEYS', ...keys)
  } finally {
    connection.close()
  }
}

/** The receiver first: should the others hear of it late, they still send clients to a node that sends them on. */
export async function closeSlot(
  slot: number,
  from: ClusterNode,
  to: ClusterNode,
  others: readonly ClusterNode[],
): Promise<void> {
  for (const node of [to, from, ...others]) await node.ask('CLUSTER', 'SETSLOT', String(slot), 'NODE', to.id)
}
