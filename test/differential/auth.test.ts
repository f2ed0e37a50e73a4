import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hashSync } from 'bcryptjs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Child, makeFolder, removeFolder } from '../support/child.ts'
import { describeWith } from '../support/peers.ts'
import { type Pgr, startPgr } from '../support/start-pgr.ts'
import { startPushgateway } from '../support/start-pushgateway.ts'
import type { Request } from './corpus.ts'
import { send } from './send.ts'

const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` })

const WAYS: readonly (readonly [string, Request['headers']])[] = [
  ['without credentials', {}],
  ['with the right ones', basic('alice:correct horse')],
  ['with a wrong password', basic('alice:wrong')],
  ['with an empty password', basic('alice:')],
  ['with an unknown user', basic('mallory:correct horse')],
  ['without a colon', basic('alice')],
  ['that are no base64', { authorization: 'Basic ???' }],
  ['of another kind', { authorization: 'Bearer abc' }],
  [
    'in other letters',
    { authorization: basic('alice:correct horse').authorization.replace('Basic', 'bAsIc') },
  ],
]

const REQUESTS: readonly Request[] = [
  { method: 'GET', path: '/metrics' },
  { method: 'PUT', path: '/metrics/job/a', body: 'x 1\n' },
  { method: 'DELETE', path: '/metrics/job/a' },
  { method: 'GET', path: '/-/healthy' },
  { method: 'GET', path: '/nothing' },
]

describeWith('pushgateway', 'Pushgateway and pgr with users and headers', () => {
  let folder: string
  let both: [{ url: string } & Child, Pgr]
  beforeAll(async () => {
    folder = makeFolder('web-config')
    const file = join(folder, 'web.yml')
    const hash = hashSync('correct horse', 4)
    writeFileSync(
      file,
      `basic_auth_users:\n  alice: ${hash}\nhttp_server_config:\n  headers:\n    X-Frame-Options: deny\n`,
    )
    const flags = [`--web.config.file=${file}`]
    both = await Promise.all([
      startPushgateway({ flags, ready: 401 }),
      startPgr({ flags, waitFor: 'nothing' }),
    ])
    const [, pgr] = both
    await pgr.until('listens', async () => (await fetch(`${pgr.url}/-/ready`)).status === 401)
  })
  afterAll(async () => {
    await Promise.all(both?.map((each) => each.stop()) ?? [])
    removeFolder(folder)
  })

  it.each(
    WAYS.flatMap(([way, headers]) =>
      REQUESTS.map((request) => [request.method, request.path, way, { ...request, headers }] as const),
    ),
  )('answer %s %s alike %s', async (_method, _path, _way, request) => {
    const [theirs, ours] = await Promise.all(both.map(({ url }) => send(url, request as Request)))
    const shown = (answer: typeof theirs) => ({
      status: answer?.status,
      challenge: answer?.headers['www-authenticate'],
      frames: answer?.headers['x-frame-options'],
      body: answer?.status === 401 ? answer.body : '',
    })
    expect(shown(ours)).toEqual(shown(theirs))
  })
})
