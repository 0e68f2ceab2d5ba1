import { expect, test } from 'vitest'
import { colourPaint, plainPaint } from '../../tasks/render/text.ts'
import { Terminal } from '../../tasks/terminal.ts'

/** What a terminal would have been sent. */
const terminal = (isTTY: boolean, env: NodeJS.ProcessEnv = {}) => {
  const sent: string[] = []
  return { sent, it: new Terminal({ isTTY, columns: 100, rows: 30, write: (text) => sent.push(text) }, env) }
}

test.each([
  [true, {}, colourPaint],
  [true, { NO_COLOR: '1' }, plainPaint],
  [true, { TERM: 'dumb' }, plainPaint],
  [false, {}, plainPaint],
])('colours: on a terminal %s, in %j', (isTTY, env, paint) => expect(terminal(isTTY, env).it.paint).toBe(paint))

test('a drawing goes over the one before, and is left with the cursor shown', () => {
  const { it, sent } = terminal(true)
  it.draw(['one', 'two'])
  it.draw(['three'])
  it.print('end')
  expect(sent.join('')).toBe(
    '\u001b[?25l\u001b[?7l\r\u001b[Jone\ntwo\n\u001b[?7h\u001b[?25l\u001b[?7l\u001b[2A\r\u001b[Jthree\n\u001b[?7h\u001b[?25hend\n',
  )
})

test.each([
  [true, 100],
  [false, Number.POSITIVE_INFINITY],
])('lines end where a window does: on a terminal %s, after %d columns', (isTTY, columns) =>
  expect(terminal(isTTY).it.columns).toBe(columns),
)

test('a terminal that does not know its size is of the usual one', () => {
  const it = new Terminal({ isTTY: true, columns: 0, rows: 0, write: () => true }, {})
  expect([it.columns, it.rows]).toEqual([80, 24])
})

test('through a pipe frames follow one another, and there is no progress', () => {
  const { it, sent } = terminal(false)
  it.progress('half')
  it.draw(['one', 'two'])
  it.draw(['three'])
  expect(sent.join('')).toBe('one\ntwo\n\nthree\n\n')
  expect(it.rows).toBe(Number.POSITIVE_INFINITY)
})

test('progress is one line, gone when something else is said', () => {
  const { it, sent } = terminal(true)
  it.progress('half')
  it.print('done')
  expect(sent.join('')).toBe('\r\u001b[K\u001b[?7lhalf\u001b[?7h\r\u001b[Kdone\n')
})
