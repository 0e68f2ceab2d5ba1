/** Starting a node process, and hearing from it that it has joined. */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname } from 'node:path'
import { hash } from '../src/service/hash.ts'
import { variableOf } from '../src/service/text.ts'
import { idOf } from '../src/space/id.ts'
import { TaskFailure } from './failure.ts'
import { home, inHome, startScript } from './home.ts'
import { marks } from './live.ts'
import { logTail } from './logs.ts'
import { hasEnded, isAlive, killProcess } from './processes.ts'
import { type BootedNetwork, changeEntry, changeState, type Entry, type NetworkState } from './state.ts'

const host = '127.0.0.1'
/** From spawn to joined. */
const readyTimeoutMs = 30_000
/** Ports that are tried one after the other before giving up. */
const mostPorts = 2000

export interface Launch {
  readonly network: BootedNetwork
  /** Urls to join through; none: found the network. */
  readonly seeds: readonly string[]
  /** This port or none; without it the first free one. */
  readonly port?: number
  /** An id of one's own choice. */
  readonly id?: string
}

/**
 * Resolves with the entry of a node that has joined.
 * @throws TaskFailure with the last lines of its log
 */
export const launch = async (wanted: Launch): Promise<Entry> => {
  for (let from = wanted.port ?? wanted.network.port; ; ) {
    const { entry, child } = await reserve(wanted, from)
    const failure = await outcome(child)
    if (failure === undefined) {
      await changeEntry(entry, ({ starterPid: _, ...rest }) => ({ ...rest, state: 'running' }))
      return entry
    }
    if (entry.pid !== null && isAlive(entry.pid) && !(await hasEnded(entry.pid, 1000))) await killProcess(entry.pid)
    await changeEntry(entry, () => undefined)
    const port = Number(new URL(entry.url).port)
    const another = wanted.port === undefined && wanted.id === undefined
    if (!another || !(failure.code === 'ID_TAKEN' || failure.code === 'EADDRINUSE')) throw explain(entry, failure)
    from = port + 1
  }
}

const explain = (entry: Entry, { code, message }: Failure): TaskFailure => {
  const tail = logTail(inHome(entry.logFile), 6).map((line) => `  ${line}`)
  return new TaskFailure(
    [`${entry.name} did not start: ${message}${code ? ` (${code})` : ''}; ${entry.logFile} ends:`, ...tail].join('\n'),
  )
}

/**
 * Chooses a port, records the entry, spawns, records the pid: all under the lock, so that no two tasks choose alike, and
 * so that the pid is recorded long before the node can have joined (until then it ends when we do).
 */
const reserve = (wanted: Launch, from: number): Promise<{ entry: Entry; child: ChildProcess }> =>
  changeState(async ({ state, save }) => {
    if (state.network?.id !== wanted.network.id)
      throw new TaskFailure('the network was ended meanwhile; type: npm run task boot')
    const port = await choosePort(wanted, state, from)
    const url = `http://${host}:${port}`
    const name = `node-${port}`
    const entry: Entry = {
      name,
      id: wanted.id ?? idOfUrl(url, wanted.network),
      url,
      pid: null,
      incarnation: Date.now(),
      startedAt: new Date().toISOString(),
      state: 'starting',
      logFile: `.polychord/logs/${name}.log`,
      starterPid: process.pid,
    }
    const others = state.processes.filter((other) => other.url !== url)
    await save({ ...state, processes: [...others, entry] })
    const child = spawnNode(entry, port, wanted)
    const spawned = { ...entry, pid: child.pid ?? null }
    await save({ ...state, processes: [...others, spawned] })
    return { entry: spawned, child }
  })

const choosePort = async ({ port, id, network }: Launch, { processes }: NetworkState, from: number): Promise<number> => {
  const living = processes.filter(({ pid, starterPid }) => (pid === null ? isAlive(starterPid ?? 0) : isAlive(pid)))
  const owner = (wanted: number) => living.find(({ url }) => new URL(url).port === String(wanted))
  const ids = new Set(living.map((entry) => entry.id))
  if (id !== undefined && ids.has(id)) throw new TaskFailure(`id ${id} is taken in this network; choose another`)
  if (port !== undefined) {
    const taken = owner(port)
    if (taken) throw new TaskFailure(`${taken.name} has port ${port} already; for the next free one type: npm run task add`)
    if (!(await isFree(port))) throw new TaskFailure(`port ${port} is in use; for the next free one type: npm run task add`)
    if (id === undefined && ids.has(idOfUrl(`http://${host}:${port}`, network)))
      throw new TaskFailure(
        `the id of port ${port} is taken in this network of ${String(network.options['bits'])} bits; choose another port`,
      )
    return port
  }
  for (let next = from; next < from + mostPorts && next <= 65535; next++) {
    if (owner(next) || (id === undefined && ids.has(idOfUrl(`http://${host}:${next}`, network)))) continue
    if (await isFree(next)) return next
  }
  throw new TaskFailure(`no port from ${from} on is free, or gives an id that is; type: npm run task status`)
}

const idOfUrl = (url: string, { options }: BootedNetwork) => idOf(hash(url), Number(options['bits']))

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(false)
      else reject(error)
    })
    probe.listen(port, host, () => probe.close(() => resolve(true)))
  })

const spawnNode = (entry: Entry, port: number, { network, seeds, id }: Launch): ChildProcess => {
  const logFile = inHome(entry.logFile)
  mkdirSync(dirname(logFile), { recursive: true })
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
      POLYCHORD_PORT: String(port),
      ...(seeds.length > 0 ? { POLYCHORD_SEEDS: seeds.join(',') } : {}),
      ...(id === undefined ? {} : { POLYCHORD_ID: id }),
    },
  })
  closeSync(log)
  return child
}

interface Failure {
  /** The node's own code, where it could say so. */
  readonly code?: string
  readonly message: string
}

/** Resolves once the node has joined (undefined), or with why it will not. The child is let go in either case. */
const outcome = (child: ChildProcess): Promise<Failure | undefined> =>
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
