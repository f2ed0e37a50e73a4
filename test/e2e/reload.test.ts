import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Certificates, makeAuthority, makeCertificates } from '../support/certificates.ts'
import { makeFolder, removeFolder } from '../support/child.ts'
import { eventually, eventuallyHolds } from '../support/eventually.ts'
import { describeWith } from '../support/peers.ts'
import { startRedis } from '../support/redis-server.ts'
import { type Pgr, startPgr } from '../support/start-pgr.ts'
import { type Answer, ask, push } from './ask.ts'

let folder: string
let file: string
let pgr: Pgr | undefined

beforeEach(() => {
  folder = makeFolder('reload')
  file = join(folder, 'pgr.yml')
})
afterEach(async () => {
  await pgr?.kill()
  removeFolder(folder)
})

async function start(
  text: string,
  { scheme = 'http' as 'http' | 'https', flags = [] as string[] } = {},
): Promise<Pgr> {
  writeFileSync(file, text)
  pgr = await startPgr({ flags: [`--config.file=${file}`, ...flags], scheme })
  return pgr
}

async function pushStatus({ url }: Pgr, body: string, query = ''): Promise<number> {
  return (await ask(url, `/metrics/job/a${query}`, { method: 'PUT', body })).status
}

const reload = (at: Pgr, method = 'POST'): Promise<Answer> => ask(at.url, '/-/reload', { method })

async function gauge(at: Pgr, name: string): Promise<number> {
  const { text } = await ask(at.url, '/telemetry')
  return Number(new RegExp(`^pgr_config_last_reload_${name} (.*)$`, 'm').exec(text)?.[1])
}

/** All that a running gateway takes over, as a client meets it. */
const STRICT = `
push: {max_body: 1KiB, max_series: 2, max_labels: 3, max_name_length: 12, max_value_length: 12, max_ttl: 10m}
limits: {series: 5}
redis: {expiration: 2m}
log: {level: debug}
`

describe('a reload', () => {
  it.each(['POST', 'PUT'])(
    'by %s takes over what it can and names what waits for a restart',
    async (method) => {
      const at = await start('log: {level: info}\n', { flags: ['--web.enable-lifecycle'] })
      const many = 'a{l="1"} 1\na{l="2"} 2\na{l="3"} 3\n'
      expect(await pushStatus(at, many)).toBe(200)
      expect(await pushStatus(at, 'a 1\n', '?ttl=1h')).toBe(200)

      writeFileSync(file, `${STRICT}metrics_path: /m\n`)
      const { status, text } = await reload(at, method)
      expect(status).toBe(200)
      expect(text).toBe(
        'reloaded, changed: --redis.expiration, --push.max-body, --push.max-ttl, --push.max-series, --push.max-labels, --push.max-name-length, --push.max-value-length, --limits.series, --log.level\n' +
          'waiting for a restart: --metrics.path\n',
      )
      expect(at.stderr()).toMatch(
        /level=warn msg="reloaded, some.*waits for a restart" changed=\S+ waiting=metrics\.path/,
      )
      expect(await pushStatus(at, many)).toBe(400)
      expect(await pushStatus(at, `a{${'l'.repeat(13)}="1"} 1\n`)).toBe(400)
      expect(await pushStatus(at, `a{l="${'v'.repeat(13)}"} 1\n`)).toBe(400)
      expect(await pushStatus(at, `# ${'x'.repeat(1024)}\n`)).toBe(413)
      expect(await pushStatus(at, 'a 1\n', '?ttl=1h')).toBe(400)
      for (const job of ['b', 'c']) await push(at.url, `/metrics/job/${job}`, 'x{l="1"} 1\nx{l="2"} 1\n')
      expect((await ask(at.url, '/metrics/job/d', { method: 'PUT', body: 'x 1\n' })).status).toBe(429)
      expect(at.stderr()).toContain('level=debug msg="refused a push"')
      const flags = JSON.parse((await ask(at.url, '/api/v1/status')).text).data.flags
      expect([flags['log.level'], flags['push.max-ttl'], flags['metrics.path']]).toEqual([
        'debug',
        '10m',
        '/metrics',
      ])

      writeFileSync(file, '')
      expect((await reload(at)).text).not.toContain('restart')
      expect(await pushStatus(at, many)).toBe(200)
    },
  )

  it('that is wrong changes nothing, says why, and is mended by the next', async () => {
    const at = await start('push: {max_ttl: 1h}\n', { flags: ['--web.enable-lifecycle'] })
    const startedAt = await gauge(at, 'success_timestamp_seconds')
    expect([await gauge(at, 'successful'), startedAt > 1.7e9]).toEqual([1, true])

    writeFileSync(file, 'push: {max_ttl: 2h}\nprot: 1\n')
    const { status, text } = await reload(at)
    expect([status, text]).toEqual([500, `${file}:2:1: prot is not a setting, did you mean port?\n`])
    expect(at.stderr()).toMatch(
      /level=error msg="failed to reload, the settings stay as they were" reason=".*prot is not/,
    )
    expect([await gauge(at, 'successful'), await gauge(at, 'success_timestamp_seconds')]).toEqual([
      0,
      startedAt,
    ])
    expect(await pushStatus(at, 'a 1\n', '?ttl=2h')).toBe(400)

    writeFileSync(file, 'push: {max_ttl: 2h}\n')
    expect((await reload(at)).text).toBe('reloaded, changed: --push.max-ttl\n')
    expect(await pushStatus(at, 'a 1\n', '?ttl=2h')).toBe(200)
    expect(await gauge(at, 'successful')).toBe(1)
    expect(await gauge(at, 'success_timestamp_seconds')).toBeGreaterThan(startedAt)
  })

  it('cannot change what a flag says', async () => {
    const at = await start('', { flags: ['--web.enable-lifecycle', '--push.max-ttl=1h'] })
    writeFileSync(file, 'push: {max_ttl: 2h}\n')
    expect((await reload(at)).text).toBe('reloaded, no setting in effect changed\n')
    expect(await pushStatus(at, 'a 1\n', '?ttl=2h')).toBe(400)
  })

  it('reads the files of secrets, and says of a new one that it waits', async () => {
    const secret = join(folder, 'password')
    writeFileSync(secret, 'one')
    const text = `store: embedded\nredis: {password_file: ${secret}}\n`
    const at = await start(text, { flags: ['--web.enable-lifecycle'] })
    writeFileSync(secret, 'two')
    const { text: answer } = await reload(at)
    expect(answer).toContain('waiting for a restart: --redis.password\n')
    writeFileSync(secret, '')
    expect((await reload(at)).status).toBe(500)
    expect(at.output()).not.toMatch(/=(one|two)\b/)
  })

  it('is 403 when the lifecycle interface is off, where SIGHUP works all the same', async () => {
    const at = await start('push: {max_ttl: 1h}\n')
    expect(await reload(at)).toMatchObject({ status: 403, text: 'Lifecycle API is not enabled.\n' })
    expect((await ask(at.url, '/-/reload')).status).toBe(405)
    writeFileSync(file, 'push: {max_ttl: 2h}\n')
    at.signal('SIGHUP')
    await eventually('a reload', () => at.stderr().includes('msg=reloaded changed=push.max-ttl'))
    expect(await pushStatus(at, 'a 1\n', '?ttl=2h')).toBe(200)

    writeFileSync(file, 'broken: [')
    at.signal('SIGHUP')
    await eventuallyHolds(async () => expect(await gauge(at, 'successful')).toBe(0))
    expect(await pushStatus(at, 'a 1\n', '?ttl=2h')).toBe(200)
  })
})

describeWith('openssl', 'a reload with HTTPS', () => {
  /** The certificate that a new connection is shown. */
  function shownCertificate({ port }: Pgr): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
        resolve(socket.getPeerX509Certificate()?.toString() ?? '')
        socket.destroy()
      })
      socket.on('error', reject)
    })
  }

  it('shows new connections the new certificate, and keeps the old where the new is none', async () => {
    const { cert, key } = makeCertificates(folder)
    const at = await start(`tls: {enabled: true, key: ${key}, cert: ${cert}}\n`, { scheme: 'https' })
    const first = readFileSync(cert, 'utf8')
    expect(await shownCertificate(at)).toBe(first)

    makeCertificates(folder)
    const second = readFileSync(cert, 'utf8')
    expect(second).not.toBe(first)
    at.signal('SIGHUP')
    await eventuallyHolds(async () => expect(await shownCertificate(at)).toBe(second))

    for (const broken of ['', first]) {
      const failures = at.stderr().split('failed to reload').length
      writeFileSync(cert, broken)
      at.signal('SIGHUP')
      await eventually('a failure', () => at.stderr().split('failed to reload').length > failures)
      expect(await shownCertificate(at)).toBe(second)
    }
    expect(at.stderr()).toMatch(
      /failed to reload.*the files of --tls\.key and --tls\.cert are no key and its certificate/,
    )
  })
})

describeWith('openssl', 'certificates for Redis that are exchanged while the gateway runs', () => {
  it('are what connections use that come from then on', async () => {
    const [first, second] = ['first', 'second'].map((name) =>
      makeAuthority(folder, name).issue(`${name}-leaf`),
    ) as [Certificates, Certificates]
    const [ca, cert, key] = ['ca', 'cert', 'key'].map((name) => join(folder, `redis-${name}.pem`)) as [
      string,
      string,
      string,
    ]
    const show = (certificates: Certificates, ...parts: ('ca' | 'cert' | 'key')[]) => {
      for (const part of parts) copyFileSync(certificates[part], { ca, cert, key }[part])
    }
    show(first, 'ca', 'cert', 'key')
    const redis = await startRedis({ tls: first })
    try {
      const operator = redis.open()
      const flags = [
        `--redis.endpoint=${redis.url}`,
        `--redis.tls.ca=${ca}`,
        `--redis.tls.cert=${cert}`,
        `--redis.tls.key=${key}`,
      ]
      const at = await start('', { flags })
      expect(await pushStatus(at, 'a 1\n')).toBe(200)

      const files = ['tls-cert-file', second.cert, 'tls-key-file', second.key, 'tls-ca-cert-file', second.ca]
      await operator.ask('CONFIG', 'SET', ...files)
      await operator.ask('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
      operator.close()
      await eventuallyHolds(async () => expect((await ask(at.url, '/-/ready')).status).toBe(503))

      show(second, 'ca', 'cert')
      await eventually('a warning', () =>
        at.stderr().includes('is not the key of the certificate in that of --redis.tls.cert'),
      )
      expect((await ask(at.url, '/-/ready')).status).toBe(503)

      show(second, 'key')
      await eventuallyHolds(async () => expect((await ask(at.url, '/-/ready')).status).toBe(200))
      expect(await pushStatus(at, 'a 2\n')).toBe(200)
      expect(at.stderr()).toMatch(
        /level=info msg="took over other certificates for connections to the store"/,
      )
    } finally {
      await pgr?.kill()
      await redis.stop()
    }
  })
})
