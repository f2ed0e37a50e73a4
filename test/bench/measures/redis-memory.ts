import { pushEach } from '../harness/generators.ts'
import type { Measure } from '../harness/measure.ts'
import { pgrOnRedis, withParties } from '../harness/parties.ts'
import { SERIES_PER_GROUP, sizes } from '../settings.ts'

export const redisMemory: Measure = {
  id: 'B9',
  title: `memory of Redis, groups of ${SERIES_PER_GROUP} series of 118 bytes, labels that no compression helps`,
  run: (record) =>
    withParties([() => pgrOnRedis({ flags: ['--redis.expiration=0'] })], async ([pgr]) => {
      if (pgr?.redis === undefined) throw new Error('the replica has no Redis')
      const push = (from: number, to: number) =>
        pushEach({ urls: [pgr.url], connections: 16, load: { kind: 'random', method: 'PUT', from, to } })
      // What does not grow with series is there from the first push on.
      await push(0, 1)
      const before = await pgr.redis.usedBytes()
      const step = Math.round(sizes.groups / 10)
      for (let round = 0; round < sizes.rounds; round++) {
        const groups = (round + 1) * step
        await push(1 + round * step, 1 + groups)
        const bytesPerSeries = ((await pgr.redis.usedBytes()) - before) / (groups * SERIES_PER_GROUP)
        record.note('used_memory', pgr, round, { bytesPerSeries })
      }
    }),
}
