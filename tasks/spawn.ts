/** One node as a child process: started with what it needs to know, and listened to until it has joined. */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { makeDirectory } from '../src/service/directory.ts'
import { hash } from '../src/service/hash.ts'
import { variableOf } from '../src/service/text.ts'
import { type Id, idOf } from '../src/space/id.ts'
import { home, inHome, startScript } from './home.ts'
import { marks } from './live.ts'
import { secretFile } from './secret.ts'
import type { BootedNetwork, Entry } from './state.ts'
import { portOf } from './render/text.ts'

/** Where all nodes of the CLI listen. */
export const host = '127.0.0.1'
/** From spawn to joined. */
const readyTimeoutMs = 30_000

/** The id of a node that has not chosen one. */
export const idOfUrl = (url: string, { options }: BootedNetwork): Id => idOf(hash(url), Number(options['bits']))

/** Into which network a node is started, and through whom. */
export interface Admission {
  readonly network: BootedNetwork
  /** Urls to join through; none: found the network. */
  readonly seeds: readonly string[]
}

/** The process lives on when the task ends, and writes its own log. */
export const spawnNode = (entry: Entry, { network, seeds }: Admission): ChildProcess => {
  const logFile = inHome(entry.logFile)
  makeDirectory(dirname(logFile))
  const log = openSync(logFile, 'a')
  const inherited = Object.entries(process.env).filter(([name]) => !/^(POLYCHORD|npm)_/.test(name))
  const child = spawn(process.execPath, [startScript()], {
    cwd: home,
    detached: true,
    stdio: ['ignore', log, log, 'ipc'],
    env: {
      // glibc otherwise keeps what V8's threads have freed: 25 MB a node instead of 28 or 36.
      MALLOC_TRIM_THRESHOLD_: '131072',
      ...Object.fromEntries(inherited),
      ...Object.fromEntries(Object.entries(network.options).map(([field, value]) => [variableOf(field), String(value)])),
      ...marks(network.id, entry.incarnation),
      POLYCHORD_NAME: entry.name,
      POLYCHORD_URL: entry.url,
      POLYCHORD_HOST: host,
      POLYCHORD_PORT: portOf(entry.url),
      POLYCHORD_DATA: inHome(entry.dataDir),
      ...(network.secret ? { POLYCHORD_SECRET_FILE: secretFile } : {}),
      POLYCHORD_SEEDS: seeds.join(','),
      ...(entry.tags ? { POLYCHORD_TAGS: entry.tags } : {}),
      ...(entry.id === idOfUrl(entry.url, network) ? {} : { POLYCHORD_ID: entry.id }),
    },
  })
  closeSync(log)
  return child
}

/** A node that was spawned waits for this before it joins: once it has a place in the network somebody must know of it. */
export const admit = (child: ChildProcess): void => {
  // It may have ended already.
  if (child.connected) child.send({ noted: true }, () => {})
}

/** Why a node did not join. */
export interface Failure {
  /** The node's own code, where it could say so. */
  readonly code?: string
  readonly message: string
}

/** Resolves once the node has joined (undefined), or with why it will not. The child is let go in either case. */
export const outcome = (child: ChildProcess): Promise<Failure | undefined> =>
  new Promise((resolve) => {
    let said: Failure | undefined
    const settle = (failure?: Failure) => {
      clearTimeout(timer)
      if (child.connected) child.disconnect()
      child.unref()
      resolve(failure)
    }
    const timer = setTimeout(() => settle({ message: `it has not joined within ${readyTimeoutMs / 1000} s` }), readyTimeoutMs)
    child.on('message', (message) => {
      if (isReady(message)) settle()
      else said = failureOf(message) ?? said
    })
    child.on('error', (error) => settle({ message: error.message }))
    child.on('exit', (code, signal) => settle(said ?? { message: `it ended with ${signal ?? `code ${code}`}` }))
  })

const isReady = (message: unknown): boolean => typeof message === 'object' && message !== null && 'ready' in message

const failureOf = (message: unknown): Failure | undefined => {
  if (typeof message !== 'object' || message === null || !('failed' in message)) return undefined
  const { failed } = message
  if (typeof failed !== 'object' || failed === null || !('message' in failed)) return undefined
  return { ...('code' in failed ? { code: String(failed.code) } : {}), message: String(failed.message) }
}
