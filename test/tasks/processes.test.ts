import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { isAlive, isOver } from '../../tasks/processes.ts'

const stat = (name: string, state: string, threads: number) =>
  `4711 (${name}) ${state} 1 4711 4711 0 -1 4228100 0 0 0 0 0 0 0 0 20 0 ${threads} 0 880 0 0 18446744073709551615`

test.each([
  ['runs', stat('node', 'R', 11), false],
  ['sleeps', stat('node', 'S', 1), false],
  ['has ended, and nobody has waited for it', stat('node', 'Z', 1), true],
  ['has ended but for threads that still hold its ports', stat('node', 'Z', 4), false],
  ['is called as if it had ended', stat('a) Z 1 (b', 'S', 1), false],
])('a process that %s', (_, line, over) => expect(isOver(line)).toBe(over))

test('the line that this kernel writes has the state and the threads where they are looked for', () => {
  const line = readFileSync('/proc/self/stat', 'utf8')
  const [state, ...rest] = line.slice(line.lastIndexOf(')') + 2).split(' ')
  expect(state).toMatch(/^[RS]$/)
  expect(Number(rest[16])).toBeGreaterThan(1)
  expect(isAlive(process.pid)).toBe(true)
})
