import { describe, expect, it } from 'vitest'
import { eventually } from './eventually.ts'
import { describeWith, missingPeerOf, PEER_NAMES, requiredPeers } from './peers.ts'
import { scrapeConfig, startPrometheus } from './start-prometheus.ts'
import { startPushgateway } from './start-pushgateway.ts'

describe('required peers', () => {
  it.each([
    ['nothing is required by default', {}, []],
    ['an empty name is none', { PGR_TEST_REQUIRE: '' }, []],
    ['spaces do not matter', { PGR_TEST_REQUIRE: 'prometheus, promtool' }, ['prometheus', 'promtool']],
  ])('%s', (_why, env, expected) => {
    expect([...requiredPeers(env)]).toEqual(expected)
  })

  it('refuses a name it does not know, which would require nothing', () => {
    expect(() => requiredPeers({ PGR_TEST_REQUIRE: 'prometeus' })).toThrow(/names "prometeus"; known are/)
  })

  it.each(PEER_NAMES)('finds %s again in the name of a skipped test', (name) => {
    expect(missingPeerOf(`scraping [needs ${name}] > shows what was pushed`)).toBe(name)
  })
})

describeWith('pushgateway', 'Pushgateway as a peer', () => {
  it('starts empty and keeps nothing between runs', async () => {
    const first = await startPushgateway()
    await fetch(`${first.url}/metrics/job/demo`, { method: 'PUT', body: 'demo_value 1\n' })
    expect(await (await fetch(`${first.url}/metrics`)).text()).toContain(
      'demo_value{instance="",job="demo"} 1',
    )
    await first.stop()

    const second = await startPushgateway()
    expect(await (await fetch(`${second.url}/metrics`)).text()).not.toContain('demo_value')
    await second.stop()
  })
})

describeWith('prometheus', 'Prometheus as a peer', () => {
  it('scrapes a target and answers queries', async () => {
    const prometheus = await startPrometheus({ config: scrapeConfig('127.0.0.1:1', 200) })
    const targets = await eventually(
      'a target was tried',
      prometheus.targets,
      ([target]) => target?.health === 'down',
    )
    expect(targets[0]?.lastError).toMatch(/connection refused/)
    expect((await prometheus.query('vector(2)')).map((sample) => sample.value)).toEqual([2])
    await prometheus.stop()
  })
})
