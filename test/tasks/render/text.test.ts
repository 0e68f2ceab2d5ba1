import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { contentBar, progressBar } from '../../../tasks/render/bar.ts'
import {
  age,
  colourPaint,
  columnsOf,
  cut,
  duration,
  fold,
  harmless,
  plural,
  portOf,
  quote,
  table,
} from '../../../tasks/render/text.ts'

describe('text', () => {
  test('columns line up, numbers to the right', () => {
    expect(
      table(
        ['left', 'right', 'left'],
        [
          ['NODE', 'N', 'STATE'],
          ['10001', '7', 'ready'],
          ['1', '123', ''],
        ],
      ),
    ).toEqual(['NODE     N  STATE', '10001    7  ready', '1      123'])
  })

  test('colours do not move columns', () => {
    const row = (paint: (text: string) => string) =>
      table(
        ['left', 'left'],
        [
          [{ text: 'a', paint }, 'b'],
          ['long', 'c'],
        ],
      )
    expect(row(colourPaint.red)[0]).toBe('\u001b[31ma\u001b[39m     b')
    expect(row((text) => text)[0]).toBe('a     b')
  })

  test('the last column ends where the width does', () => {
    expect(table(['left', 'left'], [['10001', 'x'.repeat(100)]], 20)).toEqual([`10001  ${'x'.repeat(12)}…`])
  })

  test('columns that can be spared make room for the last one, as many as that takes', () => {
    const row = ['10001', '12.3%', '9', '26', 'catching up']
    const drawn = (width: number) => table(['left', 'right', 'right', 'right', 'left'], [row], width, [1, 3, 2])
    expect(drawn(40)).toEqual(['10001  12.3%  9  26  catching up'])
    expect(drawn(31)).toEqual(['10001  9  26  catching up'])
    expect(drawn(22)).toEqual(['10001  9  catching up'])
    expect(drawn(18)).toEqual(['10001  catching up'])
    expect(drawn(15)).toEqual(['10001  catchin…'])
  })

  test.each([
    ['hello', 5, 'hello'],
    ['hello', 4, 'hel…'],
    ['漢字漢字', 5, '漢字…'],
    ['e\u0301e\u0301e\u0301', 3, 'e\u0301e\u0301e\u0301'],
  ])('%s in %i columns is %s', (text, width, shown) => expect(cut(text, width)).toBe(shown))

  test.each([
    ['4 nodes · 7 values · whole', 40, ['4 nodes · 7 values · whole']],
    ['4 nodes · 7 values · whole', 18, ['4 nodes · 7 values', 'whole']],
    [`${colourPaint.red('4 nodes')} · 7 values · whole`, 18, [`${colourPaint.red('4 nodes')} · 7 values`, 'whole']],
    ['a long one · b', 5, ['a long one', 'b']],
    ['', 5, ['']],
  ])('%j in %i columns is the lines %j', (text, width, lines) => expect(fold(text, ' · ', width)).toEqual(lines))

  test.each(['✅', '⚡', '⌚', '𠮷', '￥'])('%s takes two columns', (text) => expect(columnsOf(text)).toBe(2))

  test('of nothing nothing is cut', () => expect(cut('', -8)).toBe(''))

  test.each([
    ['http://127.0.0.1:10003', '10003'],
    ['https://dht.example', 'dht.example'],
    ['no url', 'no url'],
  ])('people know %s as %s', (url, known) => expect(portOf(url)).toBe(known))

  test('colours take no columns', () => expect(columnsOf(colourPaint.bold('漢字'))).toBe(4))

  test.each([
    ['a"b', '"a\\"b"'],
    ['two\nlines', '"two\\nlines"'],
    ['\u001b[2J', '"\\u001b[2J"'],
    ['\u009b2J\u202e', '"\\u{9b}2J\\u{202e}"'],
  ])('a stranger’s %j is shown as %s', (text, shown) => expect(quote(text)).toBe(shown))

  test('nothing that a stranger says acts on the terminal', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => !/(?![\n\t])\p{Cc}/u.test(harmless(text))))
  })

  test('counts and durations read well', () => {
    expect([plural(1, 'node'), plural(0, 'node'), plural(2, 'process', 'processes')]).toEqual([
      '1 node',
      '0 nodes',
      '2 processes',
    ])
    expect([0.42, 12.4, 1300].map(duration)).toEqual(['0.4 ms', '12 ms', '1.3 s'])
    expect([4900, 119_999, 120_000, 90_000_000].map(age)).toEqual(['4 s', '119 s', '2 min', '25 h'])
  })
})

describe('bars', () => {
  test.each([
    [10, 0, 10, '████'],
    [5, 5, 10, '██░░'],
    [1, 0, 1000, '█'],
    [0, 1, 1000, '░'],
    [0, 0, 10, ''],
    [0, 0, 0, ''],
  ])('%i owned and %i replicas, the fullest having %i: %s', (owned, replicas, fullest, bar) =>
    expect(contentBar(owned, replicas, fullest, 4)).toBe(bar),
  )

  test.each([
    [0, 10, '····'],
    [5, 10, '██··'],
    [10, 10, '████'],
  ])('%i of %i done: %s', (done, total, bar) => expect(progressBar(done, total, 4)).toBe(bar))
})
