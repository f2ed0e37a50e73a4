import { describe, expect, it } from 'vitest'
import { ownersOf, readRedirection, readSlots, type SlotRange } from '../../../../src/store/redis/slots.ts'

const asked = { host: '10.0.0.9', port: 7009 }
const at = (host: string, port: number) => ({ host, port })

describe('the slot map of a node', () => {
  it.each<[string, unknown, SlotRange[]]>([
    [
      'a primary and its replicas',
      [
        [0, 99, ['10.0.0.1', 7001, 'id', []], ['10.0.0.2', 7002, 'id', []]],
        [100, 16383, ['10.0.0.3', 7003, 'id', ['hostname', 'c']]],
      ],
      [
        { from: 0, to: 99, primary: at('10.0.0.1', 7001), replicas: [at('10.0.0.2', 7002)] },
        { from: 100, to: 16383, primary: at('10.0.0.3', 7003), replicas: [] },
      ],
    ],
    [
      'a node that does not know its own address is the one that was asked',
      [[0, 99, ['', 7001]]],
      [{ from: 0, to: 99, primary: at('10.0.0.9', 7001), replicas: [] }],
    ],
    [
      'so is one that shows no address to anybody (`cluster-preferred-endpoint-type unknown-endpoint`)',
      [[0, 99, [null, 7001]]],
      [{ from: 0, to: 99, primary: at('10.0.0.9', 7001), replicas: [] }],
    ],
    [
      'a range whose primary has no name yet is left out: nobody can be sent there',
      [
        [0, 99, ['?', 7001], ['10.0.0.2', 7002]],
        [100, 199, ['10.0.0.1', 7001]],
      ],
      [{ from: 100, to: 199, primary: at('10.0.0.1', 7001), replicas: [] }],
    ],
    [
      'a replica without a name is left out alone',
      [[0, 99, ['10.0.0.1', 7001], ['?', 7002]]],
      [{ from: 0, to: 99, primary: at('10.0.0.1', 7001), replicas: [] }],
    ],
    [
      'an address of IPv6',
      [[0, 99, ['2001:db8::1', 7001]]],
      [{ from: 0, to: 99, primary: at('2001:db8::1', 7001), replicas: [] }],
    ],
    ['a port that is none', [[0, 99, ['10.0.0.1', 0]]], []],
    ['a range that nobody serves', [[0, 99]], []],
    ['rows that are none', [7, null, 'x'], []],
    ['something that is no list', 'OK', []],
  ])('is read: %s', (_why, reply, ranges) => {
    expect(readSlots(reply, asked, undefined)).toEqual(ranges)
  })

  it('tells addresses that are exchanged for those that lead there from here', () => {
    const natMap = new Map([
      ['10.0.0.1:7001', 'gate.example:17001'],
      ['[2001:db8::1]:7002', '[::1]:17002'],
      ['10.0.0.9:7003', 'gate.example:17003'],
    ])
    const reply = [
      [0, 99, ['10.0.0.1', 7001], ['2001:db8::1', 7002]],
      [100, 199, ['', 7003], ['10.0.0.4', 7004]],
    ]
    expect(readSlots(reply, asked, natMap)).toEqual([
      { from: 0, to: 99, primary: at('gate.example', 17001), replicas: [at('::1', 17002)] },
      { from: 100, to: 199, primary: at('gate.example', 17003), replicas: [at('10.0.0.4', 7004)] },
    ])
  })
})

describe('the owner of a slot', () => {
  const range = (from: number, to: number, port: number): SlotRange => ({
    from,
    to,
    primary: at('10.0.0.1', port),
    replicas: [],
  })
  const one = [range(0, 9, 1), range(10, 19, 2)]
  const other = [range(0, 4, 1), range(5, 19, 2)]

  it.each<[string, SlotRange[][], (number | undefined)[]]>([
    ['what the only one says', [one], [1, 1, 2, undefined]],
    ['what all say', [one, one, one], [1, 1, 2, undefined]],
    ['what most say, against one that was cut off', [one, other, other], [1, 2, 2, undefined]],
    ['what most of those say who know an owner', [[], [], one], [1, 1, 2, undefined]],
    ['nobody, when nobody knows', [[], []], [undefined, undefined, undefined, undefined]],
    ['nobody, when nobody was asked', [], [undefined, undefined, undefined, undefined]],
  ])('is %s', (_why, maps, ports) => {
    // Both ends of a range belong to it.
    expect(ownersOf([0, 9, 19, 20], maps).map((owner) => owner?.port)).toEqual(ports)
  })
})

describe('a redirection', () => {
  it.each<[string, unknown, unknown]>([
    ['for good', 'MOVED 3999 10.0.0.2:7002', { kind: 'MOVED', slot: 3999, address: at('10.0.0.2', 7002) }],
    ['for once', 'ASK 3999 10.0.0.2:7002', { kind: 'ASK', slot: 3999, address: at('10.0.0.2', 7002) }],
    [
      'by name',
      'MOVED 1 redis-b.example:7002',
      { kind: 'MOVED', slot: 1, address: at('redis-b.example', 7002) },
    ],
    [
      'without a host, to another port of the same',
      'MOVED 1 :7002',
      { kind: 'MOVED', slot: 1, address: at('10.0.0.9', 7002) },
    ],
    [
      'to IPv6, as redis writes it',
      'MOVED 1 2001:db8::1:7002',
      { kind: 'MOVED', slot: 1, address: at('2001:db8::1', 7002) },
    ],
    [
      'to IPv6 in brackets',
      'ASK 1 [2001:db8::1]:7002',
      { kind: 'ASK', slot: 1, address: at('2001:db8::1', 7002) },
    ],
    [
      'to an address that is another from here',
      'MOVED 1 10.0.0.3:7003',
      { kind: 'MOVED', slot: 1, address: at('127.0.0.1', 17003) },
    ],
    ['to a node that has no name yet leads nowhere', 'MOVED 1 ?:7002', undefined],
    ['is not what only begins like one', 'MOVED', undefined],
    ['is not another refusal', 'TRYAGAIN Multiple keys request during rehashing of slot', undefined],
    ['is not a refusal that tells of one', 'ERR MOVED 1 10.0.0.2:7002', undefined],
  ])('%s', (_why, message, redirection) => {
    const natMap = new Map([['10.0.0.3:7003', '127.0.0.1:17003']])
    expect(readRedirection(new Error(String(message)), asked, natMap)).toEqual(redirection)
  })

  it('is only ever an error', () => {
    expect(readRedirection('MOVED 3999 10.0.0.2:7002', asked, undefined)).toBeUndefined()
  })
})
