/** What Ctrl-C leaves behind, as a task says it. */
import { expect, test } from 'vitest'
import { run } from '../../tasks/command-line.ts'
import { Terminal } from '../../tasks/terminal.ts'

test.each(['simulate lone 1', 'compare 10'])('%s leaves nothing: whoever interrupted it was sent to status', async (words) => {
  const terminal = new Terminal({ write: () => true }, {})
  expect(await run(words.split(' '), { terminal, complain: () => {}, env: {} })).toBe(0)
  expect(terminal.tellUnfinished?.()).toBe('nothing of it runs on')
})
