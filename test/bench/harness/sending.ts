import { Agent, request } from 'node:http'
import { costs, cpuOf, type Recorder, spend } from './measure.ts'
import type { Party } from './parties.ts'

/** Requests at a time. */
const CONNECTIONS = 4

/** Bodies that are made anew each time they are sent, by this process, which does nothing else meanwhile. */
export interface Sending {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** How many bodies send everything once. */
  readonly bodies: number
  body(n: number): Buffer
}

/** Sends everything once. Rejects unless every body is taken. */
export async function sendAll({ url, headers, bodies, body }: Sending): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })
  let next = 0
  const lane = async () => {
    while (next < bodies) await post(agent, url, headers, body(next++))
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, lane))
  agent.destroy()
}

/** What `units` of work that this process sends came to, with what they cost. */
export async function noteSent(
  record: Recorder,
  { what, party, round, units }: { what: string; party: Party; round: number; units: number },
  work: () => Promise<void>,
): Promise<void> {
  const before = process.cpuUsage()
  const spent = await spend(party, work)
  const { user, system } = process.cpuUsage(before)
  const generatorCpuSeconds = (user + system) / 1e6
  record.note(what, party, round, {
    perSecond: units / spent.seconds,
    perGatewaySecond: units / spent.gatewayCpuSeconds,
    perCpuSecond: units / cpuOf(spent),
    ...costs(units, spent, generatorCpuSeconds),
    generatorShare: generatorCpuSeconds / spent.seconds,
  })
}

/** As Prometheus does; resolves with the text of the page. */
export async function readPage(url: string): Promise<string> {
  return (await fetch(url, { headers: { 'accept-encoding': 'gzip' } })).text()
}

function post(agent: Agent, url: string, headers: Sending['headers'], body: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      { method: 'POST', agent, headers: { ...headers, 'content-length': body.length } },
      (response) => {
        let bytes = 0
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length
        })
        // An answer without a word says that all of the body was taken.
        response.on('end', () =>
          (response.statusCode ?? 0) < 300 && bytes === 0
            ? resolve()
            : reject(new Error(`answered ${response.statusCode} with ${bytes} bytes`)),
        )
      },
    )
    sent.on('error', reject)
    sent.end(body)
  })
}
