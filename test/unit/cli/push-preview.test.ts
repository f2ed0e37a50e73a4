import { describe, expect, it } from 'vitest'
import { dryRunJson, dryRunText } from '../../../src/cli/push-preview.ts'
import { buildRequest } from '../../../src/client/request.ts'

const body = Buffer.from('a_metric 1\n'.repeat(200))
const request = buildRequest({
  target: { base: 'http://h', credentials: { user: 'me', password: 'hunter2' } },
  to: { job: 'j', labels: [], replace: true },
  ttl: '15m',
  format: 'text',
  body,
  gzip: true,
})
const secret = Buffer.from('me:hunter2').toString('base64')

describe('a push that is only shown', () => {
  it('shows the request and the body before compression', () => {
    const [head = '', ...rest] = dryRunText(request, body).split('\n\n')
    expect(head.split('\n')).toEqual([
      'PUT http://h/metrics/job/j',
      'Content-Type: text/plain; version=0.0.4; charset=utf-8',
      'X-Pgr-TTL: 15m',
      'Authorization: Basic ***',
      'Content-Encoding: gzip',
      `Content-Length: ${request.body.length}`,
    ])
    expect(rest.join('\n\n')).toBe(body.toString())
  })

  it('shows the same as JSON', () => {
    expect(dryRunJson(request, body)).toMatchObject({
      dryRun: true,
      method: 'PUT',
      url: 'http://h/metrics/job/j',
      headers: { 'X-Pgr-TTL': '15m', Authorization: 'Basic ***' },
      bytes: body.length,
      sentBytes: request.body.length,
      body: body.toString(),
    })
  })

  it('shows no credentials', () => {
    for (const shown of [dryRunText(request, body), JSON.stringify(dryRunJson(request, body))]) {
      expect(shown).not.toContain('hunter2')
      expect(shown).not.toContain(secret)
    }
  })
})
