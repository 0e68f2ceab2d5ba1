/** Frames on a connection: what was packed comes out again, however it is cut, and what somebody has touched does not. */
import fc from 'fast-check'
import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { limits } from '../../src/protocol/schemas.ts'
import { Frames, type Seal } from '../../src/service/frames.ts'
import { keyIdOf, Keyring } from '../../src/service/keyring.ts'

const secret = 'a-secret-of-a-network'
const sealOf = (tag: string, known = secret): Seal => ({ keyring: new Keyring(() => known), tag })
const seal = sealOf('the-tag-of-a-call')
const mostBytes = 64 * 1024

/** The two ends of one channel. */
const ends = (asksWith: Seal | undefined, answersWith = asksWith) => ({
  asks: new Frames(mostBytes, 'asks', asksWith),
  answers: new Frames(mostBytes, 'answers', answersWith),
})
const heard = (frames: Frames, ...chunks: Buffer[]): string[] =>
  chunks.flatMap((chunk) => [...frames.unpack(chunk)].map((text) => text.toString()))

/** Cuts bytes at those places; those beyond the end are at the end. */
const cut = (bytes: Buffer, places: readonly number[]): Buffer[] => {
  const at = [0, ...places.map((place) => Math.min(place, bytes.length)).toSorted((a, b) => a - b), bytes.length]
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end))
}

const text = fc.oneof(fc.string({ unit: 'binary' }), fc.json(), fc.constantFrom('', '[]', '\u0000', 'ü€😀'))
const texts = fc.array(text, { maxLength: 8 })
const sealed: [string, Seal | undefined][] = [
  ['unsigned', undefined],
  ['signed', seal],
]

describe.each(sealed)('frames that are %s', (_how, one) => {
  test('come out as the texts that went in, in any chunks, in both directions', () =>
    fc.assert(
      fc.property(texts, texts, fc.array(fc.nat(2000), { maxLength: 40 }), (asked, answered, places) => {
        const { asks, answers } = ends(one)
        const question = Buffer.concat(asked.map((each) => asks.pack(each)))
        expect(heard(answers, ...cut(question, places))).toEqual(asked)
        const answer = Buffer.concat(answered.map((each) => answers.pack(each)))
        expect(heard(asks, ...cut(answer, places))).toEqual(answered)
      }),
    ))

  test('come out byte by byte, each with its last', () => {
    const { asks, answers } = ends(one)
    const packed = ['ü€😀', '', 'end'].map((each) => asks.pack(each))
    const counts = packed.flatMap((bytes) => [...bytes].map((byte) => heard(answers, Buffer.of(byte)).length))
    const expected = packed.flatMap(({ length }) => Array.from({ length }, (_, at) => (at === length - 1 ? 1 : 0)))
    expect(counts).toEqual(expected)
  })

  test('have as many bytes as are taken, and not one more', () => {
    const room = mostBytes - (one ? 20 : 0)
    const { asks, answers } = ends(one)
    expect(heard(answers, asks.pack('x'.repeat(room)))).toEqual(['x'.repeat(room)])
    expect(() => heard(answers, asks.pack('x'.repeat(room + 1)))).toThrow(`a frame of ${mostBytes + 1} bytes`)
  })

  test('are too long as soon as they say so', () => {
    const length = Buffer.alloc(4)
    for (const bytes of [mostBytes + 1, limits.bodyBytes, 2 ** 31, 2 ** 32 - 1]) {
      length.writeUInt32BE(bytes)
      expect(() => heard(ends(one).answers, length)).toThrow(`a frame of ${bytes} bytes`)
    }
  })
})

test('an unsigned frame is its length and its text', () => {
  expect(ends(undefined).asks.pack('ü').toString('hex')).toBe('00000002c3bc')
  expect(heard(ends(undefined).asks, Buffer.alloc(8))).toEqual(['', ''])
})

test('a signed frame is the one that docs/PROTOCOL.md tells', () => {
  const line = '\n'
  const tagOf = (words: string[]) => createHmac('sha256', secret).update(words.join(line)).digest().subarray(0, 16)
  const frame = (direction: string, number: number, said: string) => {
    const body = Buffer.concat([
      Buffer.from(keyIdOf(secret), 'hex'),
      tagOf(['polychord frame', seal.tag, direction, String(number), said]),
      Buffer.from(said),
    ])
    const length = Buffer.alloc(4)
    length.writeUInt32BE(body.length)
    return Buffer.concat([length, body])
  }
  const { asks, answers } = ends(seal)
  for (const [number, said] of ['[]', '["ü"]', ''].entries()) {
    expect(asks.pack(said)).toEqual(frame('asks', number, said))
    expect(answers.pack(said)).toEqual(frame('answers', number, said))
  }
})

/** Whether what comes in is refused; what waits for more is no text either. */
const isRefused = (frames: Frames, ...chunks: Buffer[]): boolean => {
  try {
    return heard(frames, ...chunks).length === 0
  } catch {
    return true
  }
}

describe('where the network has a secret nothing is heard of a frame', () => {
  const said = 'something'
  const packedBy = (one: Seal | undefined, number = 0, side: 'asks' | 'answers' = 'asks') => {
    const frames = ends(one)[side]
    for (let before = 0; before < number; before++) frames.pack(said)
    return frames.pack(said)
  }
  const refused = (...chunks: Buffer[]) => expect(() => heard(ends(seal).answers, ...chunks))

  test('that is not signed', () => {
    refused(packedBy(undefined)).toThrow('a frame that is not signed')
    refused(Buffer.alloc(4)).toThrow('a frame that is not signed')
    for (const length of [1, 19, 20, 40]) {
      const frame = Buffer.alloc(4 + length, 'x')
      frame.writeUInt32BE(length)
      refused(frame).toThrow(/a frame that is not signed/)
    }
  })

  test('that another secret has signed', () =>
    refused(packedBy(sealOf(seal.tag, 'a-secret-of-others'))).toThrow(/secret: unknown key/))

  test('that another secret has signed under the name of the right one', () => {
    const frame = packedBy(sealOf(seal.tag, 'a-secret-of-others'))
    frame.write(keyIdOf(secret), 4, 'hex')
    refused(frame).toThrow(/bad tag/)
  })

  test('of another channel', () => refused(packedBy(sealOf('the-tag-of-another'))).toThrow(/bad tag/))
  test('of the other direction', () => refused(packedBy(seal, 0, 'answers')).toThrow(/bad tag/))
  test('that was heard before', () => refused(packedBy(seal), packedBy(seal)).toThrow(/bad tag/))
  test('before which one was left out', () => refused(packedBy(seal, 1)).toThrow(/bad tag/))
  test('that has overtaken another', () => refused(Buffer.concat([packedBy(seal, 1), packedBy(seal)])).toThrow(/bad tag/))

  test('of which any bit was changed', () =>
    fc.assert(
      fc.property(text, fc.nat(), fc.integer({ min: 0, max: 7 }), (one, place, bit) => {
        const { asks, answers } = ends(seal)
        const frame = asks.pack(one)
        const at = place % frame.length
        frame[at] = (frame[at] ?? 0) ^ (1 << bit)
        expect(isRefused(answers, frame)).toBe(true)
        // Whatever comes after it is not what waits to be heard.
        expect(isRefused(answers, asks.pack(one))).toBe(true)
      }),
      { numRuns: 500 },
    ))

  test('whose text was changed to bytes that are no UTF-8, and look alike as a text', () => {
    const { asks, answers } = ends(seal)
    const frame = asks.pack('�!')
    frame[24] = 0xf1
    expect(frame.subarray(24).toString()).toBe('�!')
    expect(() => heard(answers, frame)).toThrow(/bad tag|not UTF-8/)
  })

  test('that comes in any other order than they were sent', () =>
    fc.assert(
      fc.property(fc.array(text, { minLength: 2, maxLength: 6 }), fc.array(fc.nat(5), { maxLength: 8 }), (all, order) => {
        const { asks, answers } = ends(seal)
        const packed = all.map((each) => asks.pack(each))
        const sent = order.map((at) => at % all.length)
        const inOrder = sent.findIndex((at, index) => at !== index)
        const expected = inOrder < 0 ? sent.length : inOrder
        const texts: string[] = []
        try {
          for (const at of sent) texts.push(...heard(answers, packed[at] as Buffer))
        } catch {
          // What was heard until then is what was sent until then.
        }
        expect(texts).toEqual(all.slice(0, expected))
      }),
    ))
})

describe('a rotation', () => {
  const young = 'a-new-secret-of-24-chars!'
  const ringOf = (...known: string[]) => {
    let secrets = known
    const keyring = new Keyring(() => secrets.join(','))
    const renew = (...next: string[]) => {
      secrets = next
      keyring.renew()
    }
    return { seal: { keyring, tag: seal.tag }, renew }
  }

  test('loses no frame as long as both secrets are known, and then those of the old one', () => {
    const [mine, theirs] = [ringOf(secret), ringOf(secret)]
    const asks = new Frames(mostBytes, 'asks', mine.seal)
    const answers = new Frames(mostBytes, 'answers', theirs.seal)
    const goes = (said: string) => expect(heard(answers, asks.pack(said))).toEqual([said])
    goes('before')
    theirs.renew(secret, young)
    goes('both are known there')
    mine.renew(secret, young)
    theirs.renew(young, secret)
    goes('there the new one signs')
    mine.renew(young, secret)
    goes('and here')
    const late = asks.pack('on its way')
    theirs.renew(young)
    expect(heard(answers, late)).toEqual(['on its way'])
    mine.renew(secret, young)
    expect(() => heard(answers, asks.pack('of yesterday'))).toThrow(/unknown key/)
  })
})
