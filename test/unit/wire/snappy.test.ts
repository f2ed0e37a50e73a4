import fc from 'fast-check'
import { compress } from 'snappyjs'
import { describe, expect, it } from 'vitest'
import { PgrError } from '../../../src/errors/pgr-error.ts'
import { unsnapBlock, unsnapFramed } from '../../../src/wire/snappy.ts'

const OPTIONS = { limitBytes: 1_000_000, setting: 'push.max-body' }
const bytes = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex')

/** Written by golang/snappy 1.0.0. */
const TEXT = '# TYPE a counter\na{x="1"} 1\na{x="2"} 2\na{x="3"} 3\n'
const BLOCK = bytes(
  '3268232054595045206120636f756e7465720a617b783d2231227d2031090b4032227d20320a617b783d2233227d20330a',
)
const STREAM_ID = 'ff060000734e61507059'
const FRAMED = bytes(
  `${STREAM_ID}0136000094d7c7ab232054595045206120636f756e7465720a617b783d2231227d20310a617b783d2232227d20320a617b783d2233227d20330a`,
)
const COMPRESSED_CHUNK = bytes(`${STREAM_ID}00160000fdad47f9c8010c6220310afe0400fe0400fe04000104`)
const TWO_CHUNKS = bytes(`${STREAM_ID}01080000f10918436320310a01080000af2fb6226420320a`)

function refusal(run: () => unknown): { code: string; message: string } {
  try {
    run()
  } catch (reason) {
    if (reason instanceof PgrError) return { code: reason.code, message: reason.message }
    throw reason
  }
  throw new Error('expected a refusal')
}

async function framedRefusal(body: Uint8Array, limitBytes = OPTIONS.limitBytes) {
  const answer = await unsnapFramed(body, { ...OPTIONS, limitBytes }).catch((reason: unknown) => reason)
  if (answer instanceof PgrError) return { code: answer.code, message: answer.message }
  throw new Error('expected a refusal')
}

describe('a snappy block', () => {
  it('is what Go wrote', () => {
    expect(Buffer.from(unsnapBlock(BLOCK, OPTIONS)).toString()).toBe(TEXT)
  })

  it('is what snappyjs wrote, whatever it is', () => {
    const repetitive = fc.array(fc.constantFrom('a', 'bb', '{x="1"} 1\n', 'metric_name_total'), {
      maxLength: 400,
    })
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 3000 }),
          repetitive.map((words) => Buffer.from(words.join(''))),
        ),
        (plain) => {
          const back = unsnapBlock(new Uint8Array(compress(Buffer.from(plain))), OPTIONS)
          expect(Buffer.compare(back, plain)).toBe(0)
        },
      ),
      { numRuns: 300 },
    )
    const large = Buffer.from('metric{label="value"} 12345\n'.repeat(30_000))
    expect(Buffer.from(unsnapBlock(compress(large), OPTIONS)).equals(large)).toBe(true)
  })

  it('repeats what it writes while it copies', () => {
    expect(Buffer.from(unsnapBlock(bytes('0a 00 61 15 01'), OPTIONS)).toString()).toBe('a'.repeat(10))
  })

  it.each([
    ['nothing', '', 'ends within its length'],
    ['a length without an end', 'ff ff ff', 'ends within its length'],
    ['a length of more than 32 bits', 'ff ff ff ff 7f', '32 bits'],
    ['a literal of less than it says', '05 10 61 62', 'ends within a literal'],
    ['a literal whose length is cut off', '05 f4 01', 'ends within a literal'],
    ['a literal of 4 GiB', '05 fc ff ff ff ff 61', 'ends within a literal'],
    ['a copy of nothing', '05 00 61 01 00', 'copies what is not there'],
    ['a copy of what comes later', '05 00 61 01 02', 'copies what is not there'],
    ['a copy from 4 GiB before', '05 00 61 0f ff ff ff ff', 'copies what is not there'],
    ['a copy without its offset', '05 00 61 02 01', 'ends within a copy'],
    ['more than it says', '01 04 61 62', 'more than its length says'],
    ['a copy of more than it says', '03 00 61 15 01', 'more than its length says'],
    ['less than it says', '05 00 61', 'less than its length says'],
    ['a bomb', 'ff ff ff 7f 00 61', 'larger than'],
    ['a length its bytes cannot make', 'c0 84 3d 00 61', 'too short'],
  ])('is refused when it is %s', (_what, hex, words) => {
    const { code, message } = refusal(() => unsnapBlock(bytes(hex), OPTIONS))
    expect(message).toContain(words)
    expect(code).toBe(words === 'larger than' ? 'PGR_BODY_TOO_LARGE' : 'PGR_BODY_MALFORMED')
  })

  it('ends, and stays within its length, whatever bytes change', () => {
    let readable = 0
    const block = Buffer.from(compress(Buffer.from(TEXT.repeat(20))))
    fc.assert(
      fc.property(fc.nat(block.length - 1), fc.integer({ min: 0, max: 255 }), (at, byte) => {
        const changed = Buffer.from(block)
        changed[at] = byte
        try {
          expect(unsnapBlock(changed, OPTIONS).length).toBeLessThanOrEqual(32 * changed.length)
          readable++
        } catch (reason) {
          expect(reason).toBeInstanceOf(PgrError)
        }
      }),
      { numRuns: 3000 },
    )
    expect(readable).toBeGreaterThan(300)
  })
})

describe('a snappy stream', () => {
  it.each([
    ['what Go wrote', FRAMED, TEXT],
    ['two chunks', TWO_CHUNKS, 'c 1\nd 2\n'],
    ['two streams', Buffer.concat([TWO_CHUNKS, FRAMED]), `c 1\nd 2\n${TEXT}`],
    ['nothing but its name', bytes(STREAM_ID), ''],
    ['nothing', Buffer.alloc(0), ''],
    ['with chunks to pass over', Buffer.concat([FRAMED, bytes('80 020000 0000 fe 010000 00')]), TEXT],
    ['a compressed chunk', COMPRESSED_CHUNK, 'b 1\n'.repeat(50)],
  ])('is read: %s', async (_what, stream, text) => {
    expect(Buffer.from(await unsnapFramed(stream, OPTIONS)).toString()).toBe(text)
  })

  it.each([
    ['a block of remote write', BLOCK, 'is not framed snappy'],
    ['text', Buffer.from(TEXT), 'send the framed format'],
    ['half a chunk', FRAMED.subarray(0, -1), 'ends within a chunk'],
    ['half a header', FRAMED.subarray(0, 12), 'ends within a chunk'],
    ['a chunk with another byte', replaced(FRAMED, 30, 0x7a), 'does not have its checksum'],
    ['a chunk with another checksum', replaced(FRAMED, 14, 0), 'does not have its checksum'],
    ['a chunk without a checksum', bytes(`${STREAM_ID} 01 020000 0000`), 'has no checksum'],
    ['a chunk nobody may pass over', bytes(`${STREAM_ID} 02 010000 00`), 'type 2'],
    ['a stream of another name', bytes(`${STREAM_ID} ff 010000 00`), 'has no name'],
    [
      'a chunk that would be a bomb',
      bytes(`${STREAM_ID} 00 090000 00000000 ffffff7f 00`),
      'longer than 64 KiB',
    ],
  ])('is refused: %s', async (_what, stream, words) => {
    const { code, message } = await framedRefusal(stream)
    expect(code).toBe('PGR_BODY_MALFORMED')
    expect(message).toContain(words)
  })

  it('is refused as soon as it is too large', async () => {
    const taken: number[] = []
    const { code } = await framedRefusal(TWO_CHUNKS, 7)
    expect(code).toBe('PGR_BODY_TOO_LARGE')
    await unsnapFramed(TWO_CHUNKS, { ...OPTIONS, take: (bytes) => taken.push(bytes) })
    expect(taken).toEqual([4, 4])
  })
})

function replaced(body: Buffer, at: number, byte: number): Buffer {
  const copy = Buffer.from(body)
  copy[at] = byte
  return copy
}
