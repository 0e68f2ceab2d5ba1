/** The log of one node: JSON lines, to a file or to stdout. */
import { type DestinationStream, destination, type Logger, pino, stdSerializers } from 'pino'

export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

/** Lines that wait for a disk without room; more are lost. */
const waitMostBytes = 1024 * 1024

/** @param to where lines go; a file is created with its folder, and appended to */
export const createLog = (name: string, level: LogLevel, to: string | DestinationStream | undefined): Logger =>
  pino({ name, level, serializers: { err: stdSerializers.err } }, typeof to === 'object' ? to : openLog(to))

const openLog = (file: string | undefined): DestinationStream => {
  // Synchronous: a node logs little, and its last line is the one that counts.
  const log = destination({ dest: file ?? 1, mkdir: true, sync: true, maxLength: waitMostBytes })
  // A node outlives a full disk. Nor is it flushed, as pino does after a fatal line: that would wait for room for ever.
  log.on('error', () => {})
  return { write: (line) => void log.write(line) }
}
