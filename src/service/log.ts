/** The log of one node: JSON lines, to a file or to stdout. */
import { type DestinationStream, destination, type Logger, pino, stdSerializers } from 'pino'

export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

/** @param to where lines go; a file is created with its folder, and appended to */
export const createLog = (name: string, level: LogLevel, to: string | DestinationStream | undefined): Logger =>
  pino(
    { name, level, serializers: { err: stdSerializers.err } },
    // Synchronous: a node logs little, and its last line is the one that counts.
    typeof to === 'object' ? to : destination({ dest: to ?? 1, mkdir: true, sync: true }),
  )
