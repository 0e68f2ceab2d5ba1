/**
 * network-state.json: which processes were started here. It is how tasks find nodes, never how nodes find each other.
 *
 * Every change is made under one lock and written atomically, so that tasks may run at the same time and be killed at
 * any moment.
 */
import { readFile } from 'node:fs/promises'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import writeFileAtomic from 'write-file-atomic'
import { BadOption, parseConfig } from '../src/node/config.ts'
import { hasCode } from '../src/service/code.ts'
import { makeDirectory } from '../src/service/directory.ts'
import { TaskFailure } from './failure.ts'
import { home, inHome, stateFile } from './home.ts'
import { type Lock, takeLock } from './lock.ts'
import { typed } from './task.ts'

const stateVersion = 2

/** A process that was started, or is about to be. */
const Entry = Type.Object(
  {
    name: Type.String({ pattern: '^[\\w-]{1,64}$' }),
    id: Type.String({ pattern: '^[0-9a-f]{2,40}$' }),
    url: Type.String({ pattern: '^http://[\\w.:\\[\\]-]+:\\d+$' }),
    /** null between the writing of the entry and the spawn. */
    pid: Type.Union([Type.Integer({ minimum: 2 }), Type.Null()]),
    incarnation: Type.Integer({ minimum: 0 }),
    /** ISO 8601. */
    startedAt: Type.String(),
    /** starting: its task has not heard that it joined. restarting: the same, but it has had a life before. dead: a task killed it. */
    state: Type.Enum(['starting', 'restarting', 'running', 'dead']),
    /** Under the home. */
    logFile: Type.String({ pattern: '^\\.polychord/logs/[\\w-]+\\.log$' }),
    /** Under the home: what it keeps while it is not running. */
    dataDir: Type.String({ pattern: '^\\.polychord/data/[\\w-]+$' }),
    /** `zone=a,disk=ssd`: what it tells of itself besides, in its next life too. */
    tags: Type.Optional(Type.String()),
    /** While it is starting or restarting: the process whose task waits for it. */
    starterPid: Type.Optional(Type.Integer({ minimum: 1 })),
  },
  { additionalProperties: false },
)
export type Entry = Static<typeof Entry>

/** What `boot` founded. */
const BootedNetwork = Type.Object(
  {
    id: Type.String({ pattern: '^[0-9a-f]{16}$' }),
    /** Where free ports are looked for. */
    port: Type.Integer({ minimum: 1, maximum: 65535 }),
    /** How many nodes `boot` was asked for; `reboot` starts as many. */
    nodes: Type.Integer({ minimum: 1 }),
    /** Whether the nodes share a secret; it is in .polychord/secret. */
    secret: Type.Optional(Type.Boolean()),
    /** The options of every node: fields of NodeConfig. */
    options: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()])),
  },
  { additionalProperties: false },
)
export type BootedNetwork = Static<typeof BootedNetwork>

const NetworkState = Type.Object(
  {
    version: Type.Literal(stateVersion),
    network: Type.Union([BootedNetwork, Type.Null()]),
    processes: Type.Array(Entry),
  },
  { additionalProperties: false },
)
export type NetworkState = Static<typeof NetworkState>

export const emptyState: NetworkState = { version: stateVersion, network: null, processes: [] }

/** As the file holds it, byte by byte. */
export const printState = (state: NetworkState): string => `${JSON.stringify(state, null, 2)}\n`

const wayOut = `to begin anew, delete it and type: ${typed('killall')}, which names the nodes that it knew and that are left, then ${typed('boot')}`

/** @throws TaskFailure not JSON, another version, not a state, processes without a network */
export const parseState = (text: string, file: string): NetworkState => {
  let state: unknown
  try {
    state = JSON.parse(text)
  } catch (error) {
    throw new TaskFailure(`${file} is not JSON; restore it, or ${wayOut}`, { cause: error })
  }
  const version = typeof state === 'object' && state !== null && 'version' in state ? state.version : undefined
  if (version !== undefined && version !== stateVersion)
    throw new TaskFailure(
      `${file} was written by another version of polychord (state ${String(version)}, this one reads ${stateVersion}); ` +
        `stop that network with the version that booted it, or ${wayOut}`,
    )
  if (Value.Check(NetworkState, state)) {
    const fault = faultIn(state)
    if (fault === undefined) return state
    throw new TaskFailure(`${file} ${fault}; restore it, or ${wayOut}`)
  }
  const [wrong] = Value.Errors(NetworkState, state)
  throw new TaskFailure(
    `${file} is not a network state (${wrong?.instancePath || '/'} ${wrong?.message}); restore it, or ${wayOut}`,
  )
}

/** What is wrong with a state that looks like one. */
const faultIn = ({ network, processes }: NetworkState): string | undefined => {
  const nowhere = processes.find(({ url }) => !URL.canParse(url))
  if (nowhere) return `has a process at ${nowhere.url}, which is no address`
  const urls = processes.map(({ url }) => url)
  const twice = urls.find((url, at) => urls.indexOf(url) < at)
  if (twice !== undefined) return `has ${twice} twice`
  return network === null && processes.length > 0 ? 'has processes, and no network that they belong to' : undefined
}

/** Options without which nothing can be told of a network. */
const told = ['overlay', 'bits', 'replicas'] as const

/** That nodes take the options of a network: to end one is possible whatever they are. @throws TaskFailure */
export const assertOptions = ({ id, options }: BootedNetwork): void => {
  try {
    for (const name of told) if (options[name] === undefined) throw new BadOption(`${name} is missing`)
    parseConfig({ ...options, name: 'node', url: 'http://127.0.0.1:1', network: id, incarnation: 0 })
  } catch (error) {
    if (!(error instanceof BadOption)) throw error
    throw new TaskFailure(
      `${stateFile} has options that no node takes: ${error.message}; restore it, or end the network: ${typed('killall')}`,
      { cause: error },
    )
  }
}

/** A missing file is an empty network. @throws TaskFailure as parseState */
export const readState = async (): Promise<NetworkState> => {
  try {
    return parseState(await readFile(stateFile, 'utf8'), stateFile)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return emptyState
    if (hasCode(error, 'EACCES', 'EISDIR', 'ENOTDIR', 'EPERM'))
      throw new TaskFailure(`${stateFile} cannot be read (${error.message}); give it back to yourself, or ${wayOut}`, {
        cause: error,
      })
    throw error
  }
}

/** What a change may do while it holds the lock. */
export interface Change {
  state: NetworkState
  /** Writes; may be called several times. */
  save(state: NetworkState): Promise<void>
}

/** Long enough for any change, which takes milliseconds; after it the lock of a task that was killed is broken. */
const lockStaleMs = 4000

/** Runs a change while no other task can read or write. @throws TaskFailure also when the lock cannot be had */
export const changeState = async <T>(change: (held: Change) => Promise<T>): Promise<T> => {
  const { assertHeld, release } = await acquire()
  try {
    const save = async (state: NetworkState) => {
      assertHeld()
      await writeFileAtomic(stateFile, printState(state))
    }
    return await change({ state: await readState(), save })
  } finally {
    await release()
  }
}

/** Replaces or removes one entry, found by its name and incarnation: another life of it is not touched. */
export const changeEntry = (entry: Entry, change: (entry: Entry) => Entry | undefined): Promise<void> =>
  changeState(({ state, save }) => save(withEntry(state, entry, change)))

/** A state with one entry replaced, or without it. */
export const withEntry = (
  state: NetworkState,
  { name, incarnation }: Entry,
  change: (entry: Entry) => Entry | undefined,
): NetworkState => {
  const isIt = (other: Entry) => other.name === name && other.incarnation === incarnation
  return { ...state, processes: state.processes.flatMap((other) => (isIt(other) ? (change(other) ?? []) : other)) }
}

const acquire = async (): Promise<Lock> => {
  try {
    makeDirectory(inHome('.polychord'))
    return await takeLock(stateFile, {
      realpath: false,
      lockfilePath: inHome('.polychord', 'state.lock'),
      stale: lockStaleMs,
      retries: { retries: 150, factor: 1, minTimeout: 30, maxTimeout: 120, randomize: true },
    })
  } catch (error) {
    if (hasCode(error, 'ELOCKED'))
      throw new TaskFailure(`another task holds ${inHome('.polychord', 'state.lock')}; try again when it is done`, {
        cause: error,
      })
    if (hasCode(error, 'EACCES', 'EROFS', 'ENOENT', 'ENOTDIR', 'EPERM', 'EEXIST'))
      throw new TaskFailure(`${home} cannot be written (${error.message}); set POLYCHORD_HOME to a directory of yours`, {
        cause: error,
      })
    throw error
  }
}
