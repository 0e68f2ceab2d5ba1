/**
 * The directory where one node keeps its data: whose it is, and that one process at a time has it.
 *
 * `node.json` says whose it is. It is written last, once the database beside it is there: without it the directory has never
 * held anything, and what an interrupted start left of a database in it is of no value. Nothing is written to a directory
 * that is not ours, and nothing is ever deleted but that.
 */
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Id } from '../space/id.ts'
import { Claimed, claim, isClaim } from './claim.ts'
import { codeOf, hasCode } from './code.ts'
import { damageOf } from './database-file.ts'
import { makeDirectory, syncEntries } from './directory.ts'
import { Misconfigured } from './environment.ts'
import { journalFiles } from './journal.ts'

/** Of what is in the directory; another one is another version's. */
const format = 2

/** Which node the data is of. */
export interface Identity {
  readonly network: string
  readonly id: Id
}

const identityFile = 'node.json'
const freshIdentityFile = 'node.json.new'
const databaseFiles = ['data.mdb', 'lock.mdb', ...journalFiles]
/** The root of a file system of its own has it from the start. */
const notOurs = ['lost+found']

/** The network that a directory's data is of; undefined when there is none yet. @throws Misconfigured as `takeDirectory` */
export const networkIn = (directory: string): string | undefined => at(directory, () => lookInto(directory)?.network)

/** A directory that is this process's. */
export interface TakenDirectory {
  /** Says whose the data is, once it is there. */
  sign(): void
  /** Gives it back; as empty as it was found, when it was never signed. */
  release(): void
}

/**
 * Takes the directory, which is made if need be, and looks whether its database is whole.
 * @throws Misconfigured when it cannot be had, is not this node's, or is damaged
 */
export const takeDirectory = (directory: string, wanted: Identity): TakenDirectory =>
  at(directory, () => {
    assertSame(lookInto(directory), wanted)
    makeDirectory(resolve(directory))
    const unclaim = claim(directory)
    try {
      const found = lookInto(directory)
      assertSame(found, wanted)
      if (found) assertWhole(directory)
      else removeDatabase(directory)
      let isSigned = found !== undefined
      return {
        sign: () => {
          if (!isSigned) at(directory, () => sign(directory, wanted))
          isSigned = true
        },
        release: () => {
          if (!isSigned) removeDatabase(directory)
          unclaim()
        },
      }
    } catch (error) {
      unclaim()
      throw error
    }
  })

/** undefined when nothing was ever kept there. @throws Unusable */
const lookInto = (directory: string): Identity | undefined => {
  const files = list(directory)
  if (files.includes(identityFile)) return parseIdentity(readFileSync(join(directory, identityFile), 'utf8'))
  const isInterrupted = files.some(isClaim)
  const ours = [freshIdentityFile, ...notOurs, ...(isInterrupted ? databaseFiles : [])]
  const foreign = files.filter((file) => !isClaim(file) && !ours.includes(file))
  if (foreign.length > 0)
    throw new Unusable(`has something else in it (${foreign.slice(0, 3).join(', ')}): name an empty directory, or a new one`)
  return undefined
}

const list = (directory: string): string[] => {
  try {
    return readdirSync(directory)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return []
    throw error
  }
}

const parseIdentity = (text: string): Identity => {
  const { network, id, ...rest } = fieldsOf(text)
  if (rest['format'] !== undefined && rest['format'] !== format)
    throw new Unusable(`was written by another version (format ${rest['format']}, this one has ${format}): ${wayOut}`)
  if (rest['format'] === undefined || typeof network !== 'string' || typeof id !== 'string')
    throw new Unusable(`has a ${identityFile} that says nothing of a node: restore it, ${wayOut}`)
  return { network, id }
}

const fieldsOf = (text: string): Record<string, unknown> => {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch (error) {
    if (error instanceof SyntaxError) return {}
    throw error
  }
}

const assertSame = (found: Identity | undefined, wanted: Identity): void => {
  if (found && found.network !== wanted.network)
    throw new Unusable(
      `has data of network ${found.network}, and this node is of ${wanted.network}: ${wayOut}, when no node runs on it`,
    )
  if (found && found.id !== wanted.id)
    throw new Unusable(`has data of node ${found.id}, and this node is ${wanted.id}: ${wayOut}, when no node runs on it`)
}

const assertWhole = (directory: string): void => {
  const database = join(directory, 'data.mdb')
  const missing = ['data.mdb', ...journalFiles].find((name) => !existsSync(join(directory, name)))
  const damage = missing === undefined ? damageOf(database) : `${missing} is gone`
  if (damage !== undefined) throw new Unusable(`has a damaged database (${damage}): restore it, ${wayOut}`)
}

/** Of an interrupted start. */
const removeDatabase = (directory: string): void => {
  for (const file of databaseFiles) rmSync(join(directory, file), { force: true })
}

const sign = (directory: string, { network, id }: Identity): void => {
  const fresh = join(directory, freshIdentityFile)
  writeFileSync(fresh, `${JSON.stringify({ format, network, id })}\n`, { flush: true })
  renameSync(fresh, join(directory, identityFile))
  syncEntries(directory)
}

/** The end of the sentence that begins with the directory. */
class Unusable extends Error {}

const wayOut = 'name another directory, or delete this one to begin without its data'

const at = <T>(directory: string, act: () => T): T => {
  const sentence = (end: string, cause: unknown) => new Misconfigured(`POLYCHORD_DATA=${directory} ${end}`, { cause })
  try {
    return act()
  } catch (error) {
    if (error instanceof Unusable) throw sentence(error.message, error)
    if (error instanceof Claimed)
      throw sentence(`is in the hands of process ${error.pid}: end that first, or name another directory`, error)
    const code = codeOf(error)
    if (code === 'ENOTDIR' || code === 'EEXIST') throw sentence('is no directory: name one', error)
    if (code !== undefined) throw sentence(`cannot be used (${(error as Error).message}): name a directory of yours`, error)
    throw error
  }
}
