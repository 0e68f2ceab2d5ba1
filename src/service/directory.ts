/** Directories that are made to last. */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { hasCode } from './code.ts'

/**
 * Makes a directory, and those that it is in, as durable as what will be in it: a directory is an entry of the one above.
 * Node's own way takes a file system that cannot be written for a parent that is missing, and under /proc it never ends.
 */
export const makeDirectory = (directory: string): void => {
  if (existsSync(directory)) return
  makeDirectory(dirname(directory))
  try {
    mkdirSync(directory)
  } catch (error) {
    // Another process was faster.
    if (!hasCode(error, 'EEXIST')) throw error
  }
  syncEntries(dirname(directory))
}

/** What a directory has in it survives a loss of power. */
export const syncEntries = (directory: string): void => {
  const fd = openSync(directory, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
