import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { logTail, printLogLine } from '../../tasks/logs.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'polychord-logs-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

test.each([
  [
    '{"level":30,"time":1763640000000,"pid":1,"name":"node-1","afterMs":12,"msg":"joined"}',
    '12:00:00.000 info  joined afterMs=12',
  ],
  [
    '{"level":60,"time":1763640000000,"err":{"message":"port in use","stack":"…"},"msg":"gone"}',
    '12:00:00.000 fatal gone err=port in use',
  ],
  ['{"level":"info","msg":"odd"}', 'info  odd'],
  ['{"level":30,"msg":"\\u001b[2J"}', 'info  \\u{1b}[2J'],
  ['Error: at the top\u0007', 'Error: at the top\\u{7}'],
  ['{"no":"event"}', '{"no":"event"}'],
  [
    '{"level":40,"name":"node-1","call":"predecessors","why":"no\\n12:00:01.000 info  stopped","msg":"peer refused"}',
    'warn  peer refused call=predecessors why=no\\n12:00:01.000 info  stopped',
  ],
])('%s', (line, shown) => expect(printLogLine(line)).toBe(shown))

test('the tail of a log is its last lines, however long it is', () => {
  const file = join(folder, 'long.log')
  for (let at = 0; at < 5000; at++) appendFileSync(file, `line ${at} ${'x'.repeat(50)}\n`)
  expect(logTail(file, 2).map((line) => line.slice(0, 9))).toEqual(['line 4998', 'line 4999'])
})

test('a log that is not there has no tail', () => {
  expect(logTail(join(folder, 'none.log'), 5)).toEqual([])
})
