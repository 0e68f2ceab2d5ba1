import fc from 'fast-check'
import { expect, test } from 'vitest'
import { jsonBytes, utf8Bytes } from '../../src/protocol/utf8.ts'

test.each(['', 'rose', 'größer', '玫瑰', '🌹', '\u007f\u0080\u07ff\u0800\ud7ff\ue000\uffff', '\ud83c', '\udf39\ud83c'])(
  'bytes of %j are those that an encoder writes, but for half a pair',
  (text) => {
    const halves = text.length - text.toWellFormed().replaceAll('\ufffd', '').length
    expect(utf8Bytes(text)).toBe(new TextEncoder().encode(text).length - halves)
  },
)

test('bytes of any text are those that an encoder writes', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => utf8Bytes(text) === new TextEncoder().encode(text).length))
})

test.each(['rose', 'größer', '玫瑰', '🌹', '\ud83c'])('bytes of %j as JSON are those of its text', (text) => {
  expect(jsonBytes(text)).toBe(new TextEncoder().encode(JSON.stringify(text)).length)
})
