/** Nodes that begin a life: recorded before they are spawned, and told of once they have joined. */
import { createServer } from 'node:net'
import { TaskFailure } from './failure.ts'
import { inHome } from './home.ts'
import { type Booted, isThatNode } from './live.ts'
import { logTail } from './logs.ts'
import { hasEnded, isAlive, killProcess } from './processes.ts'
import { readSecrets } from './secret.ts'
import { type Admission, admit, type Failure, host, idOfUrl, outcome, spawnNode } from './spawn.ts'
import { type BootedNetwork, type Change, changeEntry, changeState, type Entry, type NetworkState, readState } from './state.ts'
import { typed } from './task.ts'
import { untoldPort } from './words.ts'
import { portOf } from './render/text.ts'

/** Ports that are tried one after the other before giving up. */
const mostPorts = 2000

export interface Launch extends Admission {
  /** This port or none; without it the first free one. */
  readonly port?: number
  /** An id of one's own choice. */
  readonly id?: string
}

/** A process that was spawned: its entry, and what comes of it. */
interface Spawned {
  readonly entry: Entry
  readonly failure: ReturnType<typeof outcome>
}

/** Founds the network that the node will be the first of, while no other task can: resolves with the state that the node is added to. */
type Founding = (held: Change) => Promise<NetworkState>

/**
 * Resolves with the entry of a node that has joined.
 * @throws TaskFailure where its port is in use, or the network's secret cannot be read; else with the last lines of its log
 */
export const launch = async (wanted: Launch, founding?: Founding): Promise<Entry> => {
  for (let from = wanted.port ?? wanted.network.port, first = founding; ; first = undefined) {
    const spawned = await reserve(wanted, from, first)
    const { entry } = spawned
    const failure = await conclude(spawned)
    if (failure === undefined) return entry
    await changeEntry(entry, () => undefined)
    const port = Number(portOf(entry.url))
    // TCP had it free: for UDP another program has it.
    const isInUse = failure.code === 'EADDRINUSE'
    if (wanted.port !== undefined && isInUse) throw inUse(wanted.port)
    const another = wanted.port === undefined && (isInUse || (failure.code === 'ID_TAKEN' && wanted.id === undefined))
    if (!another) throw await explain(entry, failure, wanted.network)
    from = port + 1
  }
}

/**
 * The next life of a node that has ended: its place, its name, its id, its data. Resolves with its entry once it has joined; if it
 * does not, it stays recorded as dead, and its data where it is.
 * @throws TaskFailure with the last lines of its log; when another task is faster
 */
export const relaunch = async (before: Entry, { network, seeds }: Admission): Promise<Entry> => {
  const spawned = await revive(before, { network, seeds })
  const failure = await conclude(spawned)
  if (failure === undefined) return spawned.entry
  await changeEntry(spawned.entry, ({ starterPid: _, ...rest }) => ({ ...rest, state: 'dead' }))
  throw await explain(spawned.entry, failure, network)
}

/** Waits until a node has joined, and records it. @returns why it has not: then its process has ended */
const conclude = async ({ entry, failure: awaited }: Spawned): Promise<Failure | undefined> => {
  const failure = await awaited
  if (failure === undefined) await changeEntry(entry, ({ starterPid: _, ...rest }) => ({ ...rest, state: 'running' }))
  else if (entry.pid !== null && isAlive(entry.pid) && !(await hasEnded(entry.pid, 1000))) await killProcess(entry.pid)
  return failure
}

/** @throws TaskFailure where the network has been ended, which is why */
const explain = async (entry: Entry, { code, message }: Failure, network: BootedNetwork): Promise<TaskFailure> => {
  assertStillThere(await readState(), network)
  const tail = logTail(inHome(entry.logFile), 6).map((line) => `  ${line}`)
  return new TaskFailure(
    [`${entry.name} did not start: ${message}${code ? ` (${code})` : ''}; ${entry.logFile} ends:`, ...tail].join('\n'),
  )
}

/**
 * Chooses a port, records the entry, spawns, records the pid: all under the lock, so that no two tasks choose alike, and
 * so that the pid is recorded before the node joins (until then it ends when we do).
 */
const reserve = (wanted: Launch, from: number, founding?: Founding): Promise<Spawned> =>
  changeState(async (held) => {
    const state = founding ? await founding(held) : held.state
    assertStillThere(state, wanted.network)
    if (wanted.network.secret) readSecrets()
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
      dataDir: `.polychord/data/${name}`,
      starterPid: process.pid,
    }
    return spawnRecorded(entry, wanted, { ...held, state })
  })

/** The same for a node that is recorded already. */
const revive = (before: Entry, wanted: Admission): Promise<Spawned> =>
  changeState(async (held) => {
    const { state } = held
    assertStillThere(state, wanted.network)
    if (!state.processes.some(({ name, incarnation }) => name === before.name && incarnation === before.incarnation))
      throw new TaskFailure(`another task has changed ${before.name} meanwhile; type: ${typed('status')}`)
    if (wanted.seeds.length === 0) assertNobodyElse(before, { ...state, network: wanted.network })
    const port = Number(portOf(before.url))
    if (!(await isFree(port)))
      throw new TaskFailure(`${before.name} cannot come back, something else uses port ${port}: end that, and try again`)
    const entry: Entry = {
      ...before,
      pid: null,
      incarnation: Math.max(Date.now(), before.incarnation + 1),
      startedAt: new Date().toISOString(),
      state: 'restarting',
      starterPid: process.pid,
    }
    return spawnRecorded(entry, wanted, held)
  })

/** @throws TaskFailure when that network has been ended, whether or not there is another one by now */
export const assertStillThere = (state: NetworkState, network: BootedNetwork): void => {
  if (state.network?.id !== network.id) throw new TaskFailure(`the network was ended meanwhile; type: ${typed('boot')}`)
}

/** Two that each begin a ring of their own would be two rings. @throws TaskFailure when another recorded node is alive */
export const assertNobodyElse = (entry: Entry, { processes, network }: Booted): void => {
  const other = processes.find((one) => one.name !== entry.name && isOurs(one, network))
  if (other)
    throw new TaskFailure(
      `${other.name} is alive, but does not answer yet: try again when it does, or type: ${typed(`kill ${portOf(other.url)}`)}`,
    )
}

/** Whether its process lives and is, as far as can be seen, that node. */
const isOurs = ({ pid, incarnation }: Entry, network: BootedNetwork): boolean =>
  pid !== null && isAlive(pid) && isThatNode(pid, network.id, incarnation) !== false

const spawnRecorded = async (entry: Entry, wanted: Admission, { state, save }: Change): Promise<Spawned> => {
  const recorded = (it: Entry): NetworkState => {
    const known = state.processes.some(({ name }) => name === it.name)
    return {
      ...state,
      processes: known ? state.processes.map((one) => (one.name === it.name ? it : one)) : [...state.processes, it],
    }
  }
  await save(recorded(entry))
  const child = spawnNode(entry, wanted)
  // Listened to at once: it may fail sooner than it is recorded.
  const failure = outcome(child)
  const spawned = { ...entry, pid: child.pid ?? null }
  try {
    await save(recorded(spawned))
  } catch (error) {
    // It would wait for its admission, and this task for it.
    child.kill('SIGKILL')
    throw error
  }
  admit(child)
  return { entry: spawned, failure }
}

/** Whoever is recorded keeps port and id, also while it is dead: it may come back. */
export const choosePort = async ({ port, id, network }: Launch, { processes }: NetworkState, from: number): Promise<number> => {
  const owner = (wanted: number) => processes.find(({ url }) => portOf(url) === String(wanted))
  const ids = new Set(processes.map((entry) => entry.id))
  if (id !== undefined && ids.has(id)) throw new TaskFailure(`id ${id} is taken in this network; choose another`)
  if (port !== undefined) {
    const taken = owner(port)
    if (taken) {
      const dead = taken.state === 'dead' || (taken.pid !== null && !isAlive(taken.pid))
      throw new TaskFailure(
        `${taken.name} has port ${port} already; ` +
          (dead ? `to bring it back type: ${typed(`restart ${port}`)}` : `for the next free one type: ${typed('add')}`),
      )
    }
    if (!(await isFree(port))) throw inUse(port)
    if (id === undefined && ids.has(idOfUrl(`http://${host}:${port}`, network)))
      throw new TaskFailure(
        `the id of port ${port} is taken in this network of ${String(network.options['bits'])} bits; choose another port`,
      )
    return port
  }
  for (let next = from; next < from + mostPorts && next <= 65535; next++) {
    if (next === untoldPort || owner(next) || (id === undefined && ids.has(idOfUrl(`http://${host}:${next}`, network))))
      continue
    if (await isFree(next)) return next
  }
  throw new TaskFailure(`no port from ${from} on is free, or gives an id that is; name one that is: ${typed('add PORT')}`)
}

const inUse = (port: number): TaskFailure =>
  new TaskFailure(`port ${port} is in use; for the next free one type: ${typed('add')}`)

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(false)
      else reject(error)
    })
    probe.listen(port, host, () => probe.close(() => resolve(true)))
  })
