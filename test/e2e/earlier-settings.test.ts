import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeFolder, removeFolder } from '../support/child.ts'
import { describeWith, peerOrThrow } from '../support/peers.ts'
import { type Pgr, startPgr } from '../support/start-pgr.ts'
import { ask } from './ask.ts'

/** A configuration file as the first pushgatewayredis was given. */
const EARLIER_FILE = `metrics_path: /m
ingest_path: /in
telemetry_path: /tel
tls_enabled: true
tls_key_path: key.pem
tls_cert_path: cert.pem
redis:
  expiration: 10m
  pool_size: 5
  idle_timeout: 1m
  max_connection_age: 1m
`

describeWith('openssl', 'settings as the first pushgatewayredis had them', () => {
  const folder = makeFolder('earlier')
  let pgr: Pgr
  beforeAll(async () => {
    const made = spawnSync(
      peerOrThrow('openssl').path,
      'req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1'.split(
        ' ',
      ),
      { cwd: folder, encoding: 'utf8' },
    )
    expect(made.status, made.stderr).toBe(0)
    writeFileSync(join(folder, 'pushgw.yml'), EARLIER_FILE)
    pgr = await startPgr({ flags: ['--config.file=pushgw.yml'], scheme: 'https', cwd: folder })
  })
  afterAll(async () => {
    await pgr?.stop()
    removeFolder(folder)
  })

  /** Trusts the made certificate and no other. */
  const asked = (method: string, path: string, body = '') =>
    new Promise<{ status: number; text: string }>((resolve, reject) => {
      const ca = readFileSync(join(folder, 'cert.pem'))
      const outgoing = request(`${pgr.url}${path}`, { method, ca, agent: false }, (incoming) => {
        let text = ''
        incoming.setEncoding('utf8').on('data', (piece: string) => {
          text += piece
        })
        incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, text }))
      })
      outgoing.on('error', reject).end(body)
    })

  it('move the three paths and serve them over TLS', async () => {
    expect(await asked('POST', '/in', '# TYPE x counter\nx{job="a"} 1\n')).toMatchObject({ status: 200 })
    expect(await asked('GET', '/m')).toEqual({
      status: 200,
      text: '# TYPE x counter\nx{instance="",job="a"} 1\n',
    })
    expect((await asked('GET', '/tel')).text).toContain('pgr_build_info{')
    expect((await asked('GET', '/metrics')).status).toBe(404)
    expect((await asked('PUT', '/metrics/job/a', 'y 1\n')).status).toBe(200)
  })

  it.each(['pool_size', 'idle_timeout', 'max_connection_age'])('warn that %s has no effect', (key) => {
    expect(pgr.stderr()).toMatch(new RegExp(`level=warn msg=".*${key} has no effect`))
  })
})

describe('settings for users of Pushgateway', () => {
  it('show own metrics beside the pushed ones, and never OpenMetrics', async () => {
    const pgr = await startPgr({ flags: ['--compat=pushgateway'] })
    await ask(pgr.url, '/metrics/job/a', { method: 'PUT', body: 'x 1\n' })
    const { headers, text } = await ask(pgr.url, '/metrics', {
      headers: { accept: 'application/openmetrics-text;version=1.0.0' },
    })
    await pgr.stop()
    expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/)
    expect(text).toContain('x{instance="",job="a"} 1\n')
    expect(text).toContain('pgr_build_info{')
  })
})
