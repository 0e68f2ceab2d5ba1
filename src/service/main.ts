/**
 * One node as a process: configured by its environment, watched by whoever started it, ended by SIGTERM or SIGINT.
 *
 * Exit codes: 0 stopped or left, 1 could not start or has a defect, 2 wrong configuration, or a data folder that it cannot use.
 */
import { randomBytes } from 'node:crypto'
import { closeSync, openSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { Logger } from 'pino'
import { MemoryStore } from '../content/memory-store.ts'
import { type NodeConfig, peerOf } from '../node/config.ts'
import type { NodeInfo } from '../protocol/client-api.ts'
import { Refusal } from '../protocol/errors.ts'
import type { Peer } from '../protocol/schemas.ts'
import { codeOf } from './code.ts'
import { networkIn } from './data-directory.ts'
import { makeDirectory } from './directory.ts'
import { configOf, type Environment, Misconfigured, readEnvironment } from './environment.ts'
import { hash } from './hash.ts'
import type { Keyring } from './keyring.ts'
import { LmdbStore } from './lmdb-store.ts'
import { createLog } from './log.ts'
import { Notebook, type Recollection, recall } from './recollection.ts'
import { admitting, askSeeds, type NetworkSettings, seedPeers, settingsOf } from './seeds.ts'
import { createService } from './service.ts'
import { tellFailed, tellReady, whenNoted, whenStarterGoes } from './starter.ts'
import { variableOf } from './text.ts'

/** Whom this node knows is saved so often: a crash forgets the latest. */
const noteEveryMs = 2000
/** A stop that takes longer ends here; what a process manager would do next is kill. */
const stopWithinMs = 4500
const leaving = 'left the network'

const main = async (): Promise<void> => {
  const environment = readEnvironment(process.env)
  const log = createLog(environment.said.name ?? `node-${environment.port}`, environment.logLevel, logFile(environment.log))
  whenStarterGoes(() => {
    log.error({}, 'whoever started this node has gone before it had joined')
    process.exit(1)
  })
  const noted = whenNoted()
  try {
    const { secretFile } = environment
    if (secretFile !== undefined) {
      if (isOpenToOthers(secretFile))
        log.warn({}, `POLYCHORD_SECRET_FILE=${secretFile} can be read by others on this machine: chmod 600 it`)
      process.on('SIGHUP', () => renew(environment.keyring, log))
    }
    const former = recalled(environment)
    const urls = [...new Set([...(environment.seeds ?? []), ...former.contacts.map(({ url }) => url)])]
    const said = await askSeeds(urls)
    const { network } = networkOf(environment, said, former.settings)
    const answers = await admitting(urls, said, network, environment.keyring)
    const config = configOf(environment, networkOf(environment, answers, former.settings))
    const seeds = seedPeers(urls, answers, former.contacts, config)
    await noted
    await serve(environment, config, seeds, log)
  } catch (error) {
    if (!(error instanceof Misconfigured))
      log.fatal(isOfTheWorld(error) ? { why: error.message } : { err: error }, 'node could not start')
    throw error
  }
}

/** What the environment names as the log, once it is sure that it is a file that can be written. @throws Misconfigured */
const logFile = (file: string | undefined): string | undefined => {
  if (file === undefined) return undefined
  try {
    makeDirectory(dirname(resolve(file)))
    closeSync(openSync(file, 'a'))
  } catch (error) {
    throw new Misconfigured(`POLYCHORD_LOG=${file} cannot be written (${(error as Error).message}): name a file of yours`, {
      cause: error,
    })
  }
  return file
}

/** Whether the error is none of ours, and says in a sentence what is wrong: a refusal, or what the system has against an address. */
const isOfTheWorld = (error: unknown): error is Error =>
  error instanceof Refusal || (error instanceof Error && 'syscall' in error)

/** Whether anyone but its owner may read a file. */
const isOpenToOthers = (file: string): boolean => (statSync(file).mode & 0o044) !== 0

/** SIGHUP: the secrets may have changed. */
const renew = (keyring: Keyring | undefined, log: Logger): void => {
  try {
    keyring?.renew()
    log.info({ signs: keyring?.keyId }, 'secrets read again')
  } catch (error) {
    log.warn({ why: (error as Error).message }, 'secrets stay as they were: their file is of no use')
  }
}

/** What this node knew in its last life. Whoever names no seeds at all asks nobody. */
const recalled = ({ seeds, data }: Environment): Partial<Recollection> & Pick<Recollection, 'contacts'> => {
  const known = data === undefined ? undefined : recall(data)
  return { ...known, contacts: seeds?.length === 0 ? [] : (known?.contacts ?? []) }
}

/**
 * What this node has to agree on with the network: what the first seed of it says, or what it knew in its last life. Which network that
 * is, the environment says, or the data that this node has of it.
 * @param answers the seeds' first, in their order
 * @throws Refusal OTHER_NETWORK, NO_ROUTE; Misconfigured where the environment contradicts the network
 */
const networkOf = (
  { seeds = [], said, data }: Environment,
  answers: readonly (NodeInfo | undefined)[],
  former: NetworkSettings | undefined,
): Pick<NodeConfig, 'network'> & Partial<NodeConfig> => {
  const ours = said.network ?? (data === undefined ? undefined : networkIn(data))
  const isOurs = ({ network }: { network: string }) => ours === undefined || network === ours
  const told = answers.slice(0, seeds.length).filter((answer) => answer !== undefined)
  if (told[0] && !told.some(isOurs))
    throw new Refusal('OTHER_NETWORK', `${told[0].url} is in network ${told[0].network}, not in ${ours}`)
  const seed = answers.find((answer) => answer && isOurs(answer))
  const settings = seed ? settingsOf(seed) : former && isOurs(former) ? former : undefined
  if (settings) {
    const { mode: _, ...agreed } = settings
    for (const [field, value] of Object.entries(agreed)) {
      const word = said[field as keyof typeof agreed]
      if (word !== undefined && word !== value)
        throw new Misconfigured(
          `${variableOf(field)} is ${word}, but the network of ${seed?.url ?? `the data in ${data}`} has ${value}: leave it out`,
        )
    }
    return settings
  }
  if (ours !== undefined) return { network: ours }
  if (seeds.length === 0) return { network: randomBytes(8).toString('hex') }
  throw new Refusal(
    'NO_ROUTE',
    `none of ${seeds.join(', ')} answers; start one of them first, or name the network by POLYCHORD_NETWORK`,
  )
}

/** The store that the environment wants. @throws Misconfigured when its directory cannot be used */
const openStore = async (data: string | undefined, config: NodeConfig, log: Logger): Promise<LmdbStore | undefined> => {
  if (data === undefined) {
    log.warn({}, 'content is kept in memory only: POLYCHORD_DATA names no directory')
    return undefined
  }
  return LmdbStore.open(data, { network: config.network, id: peerOf(config, hash).id }, log)
}

const serve = async (
  { host, port, data, keyring, secretFile }: Environment,
  config: NodeConfig,
  seeds: readonly Peer[],
  log: Logger,
): Promise<void> => {
  const store = await openStore(data, config, log)
  const service = createService(config, store ?? new MemoryStore(), log, () => void stop(leaving), keyring)
  const notebook = data === undefined ? undefined : new Notebook(data)
  let hasLeft = false
  const note = () => {
    try {
      notebook?.note({ ...service.recollect(), ...(hasLeft ? { left: true } : {}) })
    } catch (error) {
      log.warn({ why: (error as Error).message }, 'what is known of the network is not saved')
    }
  }
  let stopping = false
  const stop = async (why: string): Promise<void> => {
    if (stopping) return
    stopping = true
    setTimeout(() => {
      log.warn({ why }, 'stopped before its work was done')
      process.exit(0)
    }, stopWithinMs)
    hasLeft = why === leaving
    note()
    await service.stop()
    await store?.close().catch((error: unknown) => log.error({ err: error }, 'stopped with writes that are not on the disk'))
    log.info({ why }, 'stopped')
    process.exit(0)
  }
  // A terminal that is closed says so by a SIGHUP; where there are secrets to be read again it means that.
  const ends = ['SIGTERM', 'SIGINT', ...(secretFile === undefined ? ['SIGHUP'] : [])]
  for (const signal of ends) process.on(signal, () => void stop(signal))
  await service.start(host, port, seeds)
  note()
  setInterval(note, noteEveryMs).unref()
  if (!stopping) tellReady({ ...service.me, incarnation: config.incarnation })
}

/** A promise that nobody waits for has failed, or something threw where nobody catches: a defect of ours. */
const dieOf = (error: unknown): void => {
  createLog('polychord', 'fatal', process.env['POLYCHORD_LOG']).fatal({ err: error }, 'node has a defect')
  process.exit(1)
}
process.on('unhandledRejection', dieOf)
process.on('uncaughtException', dieOf)
// Nor is it one that nobody can read what lmdb says of a full disk.
process.stderr.on('error', () => {})

main().catch((error: unknown) => {
  const wrong = error instanceof Misconfigured
  const message = error instanceof Error ? error.message : String(error)
  if (wrong) process.stderr.write(`polychord: ${message}\n`)
  tellFailed(wrong ? 'BAD_CONFIG' : (codeOf(error) ?? 'INTERNAL'), message, () => process.exit(wrong ? 2 : 1))
})
