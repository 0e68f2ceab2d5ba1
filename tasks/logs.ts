/** The end of a node's log, for people: one line an event. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { jsonIn } from '../src/protocol/utf8.ts'
import { harmless } from './render/text.ts'

const levels: Readonly<Record<number, string>> = { 10: 'trace', 20: 'debug', 30: 'info', 40: 'warn', 50: 'error', 60: 'fatal' }

/** Logs may be large: the last lines are looked for in this much of the end. */
const tailBytes = 64 * 1024

/** The last lines, oldest first; none when there is no such file. */
export const logTail = (file: string, count: number): string[] =>
  readEnd(file).trimEnd().split('\n').slice(-count).filter(Boolean).map(printLogLine)

const readEnd = (file: string): string => {
  let opened: number
  try {
    opened = openSync(file, 'r')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return ''
    throw error
  }
  try {
    const { size } = fstatSync(opened)
    const end = Buffer.alloc(Math.min(size, tailBytes))
    readSync(opened, end, 0, end.length, size - end.length)
    return end.toString('utf8')
  } finally {
    closeSync(opened)
  }
}

/** `{"level":30,"time":1763640000000,"afterMs":12,"msg":"joined"}` → `12:00:00.000 info  joined afterMs=12`. Other text stays. */
export const printLogLine = (line: string): string => {
  const event = jsonIn(line)
  if (typeof event !== 'object' || event === null || !('msg' in event)) return harmless(line)
  const { level, time, msg, pid: _pid, hostname: _hostname, name: _name, err, ...fields } = event as Record<string, unknown>
  const at = new Date(typeof time === 'number' ? time : String(time))
  const when = Number.isNaN(at.getTime()) ? '' : `${at.toISOString().slice(11, 23)} `
  const what = typeof level === 'number' ? (levels[level] ?? String(level)) : String(level)
  const told = Object.entries(fields).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  const reason = typeof err === 'object' && err !== null && 'message' in err ? [`err=${String(err.message)}`] : []
  return harmless([`${when}${what.padEnd(5)} ${String(msg)}`, ...told, ...reason].join(' ').replaceAll('\n', '\\n'))
}
