/** What is really there of the recorded processes: each is looked at, and asked for its /nodeinfo. */
import { randomInt } from 'node:crypto'
import { realpathSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { nodeApi } from '../src/node/api.ts'
import { type OverlayName, overlayNames } from '../src/overlay/overlays.ts'
import { clientApi, type NodeInfo } from '../src/protocol/client-api.ts'
import { isIdBits, isPeer, type Peer } from '../src/protocol/schemas.ts'
import { recall } from '../src/service/recollection.ts'
import { createValidation } from '../src/service/validation.ts'
import type { Id } from '../src/space/id.ts'
import { ask, orUndefined } from './client.ts'
import { TaskFailure } from './failure.ts'
import { home, inHome } from './home.ts'
import { directoryOf, endProcess, hasEnvironment, isAlive } from './processes.ts'
import { assertOptions, type BootedNetwork, changeState, type Entry, type NetworkState, readState } from './state.ts'
import { harmless, plural } from './render/text.ts'
import { typed } from './task.ts'

/**
 * - running: its pid is alive, with the environment of our node where that can be read, and /nodeinfo answers with the same
 *   network and incarnation.
 * - silent: its pid is alive and its environment is that of our node, but it does not answer (starting, stopped, stuck).
 * - starting: its task has not heard from it yet.
 * - dead: its pid is gone.
 * - foreign: its pid is alive but nothing shows that it is our node: the number was given to someone else.
 */
export type Sighting =
  | { readonly entry: Entry; readonly condition: 'running'; readonly info: NodeInfo }
  | { readonly entry: Entry; readonly condition: 'starting' | 'silent' | 'dead' | 'foreign' }
export type Running = Extract<Sighting, { condition: 'running' }>

/** A process that is ours, whether it answers or not. */
export const isLiving = ({ condition }: Sighting): boolean =>
  condition === 'running' || condition === 'starting' || condition === 'silent'

/** A process that is ours, and does not answer. */
export const isSilent = ({ condition }: Sighting): boolean => condition === 'silent'

/** What to do about those that do not answer, as a sentence goes on: they may be stopped, or stuck. */
export const wayWithSilent = (silent: readonly Sighting[]): string => {
  const pids = silent.map(({ entry }) => entry.pid).join(' ')
  return `wake what is stopped (kill -CONT ${pids}), or end it (kill -9 ${pids})`
}

export const isRunning = (sighting: Sighting): sighting is Running => sighting.condition === 'running'

/** A state with a network. */
export interface Booted extends NetworkState {
  readonly network: BootedNetwork
}

/** For what a node answers at once. */
export const lookTimeoutMs = 2000

const look = async (entry: Entry, network: string): Promise<Sighting> => {
  const starting = isStarting(entry) && !isAbandoned(entry)
  if (entry.pid === null || !isAlive(entry.pid)) return { entry, condition: starting ? 'starting' : 'dead' }
  const info = await nodeInfo(entry.url)
  const known = isThatNode(entry.pid, network, entry.incarnation)
  const answers = info?.network === network && info.incarnation === entry.incarnation
  if (answers && known !== false) return { entry, condition: 'running', info }
  if (!isAlive(entry.pid)) return { entry, condition: 'dead' }
  if (!known) return { entry, condition: 'foreign' }
  return { entry, condition: starting ? 'starting' : 'silent' }
}

/** undefined when no node answers there. Anyone may: what it says of itself is looked at, and made harmless. */
export const nodeInfo = async (url: string): Promise<NodeInfo | undefined> => {
  const info = await orUndefined(ask(url, clientApi.nodeinfo, {}, lookTimeoutMs))
  return info && isSound(info) ? { ...info, name: harmless(info.name) } : undefined
}

/** The last time that a date can tell, ms since 1970. */
const lastMs = 8.64e15

const isSound = (info: NodeInfo): boolean => {
  const { id, url, bits, overlay, incarnation } = info
  const kind = overlayNames.find((name) => name === overlay)
  return kind !== undefined && isIdBits(bits) && incarnation <= lastMs && checkOf(bits, kind)(info) && isPeer({ id, url }, bits)
}

const checks = new Map<string, (info: NodeInfo) => boolean>()

/** What its row says of an overlay's nodes, formats of strings too. */
const checkOf = (bits: number, overlay: OverlayName): ((info: NodeInfo) => boolean) => {
  const label = `${overlay} ${bits}`
  const check = checks.get(label) ?? createValidation(bits).strict(nodeApi(overlay).nodeinfo.reply)
  checks.set(label, check)
  return check
}

/**
 * Whether a process is that life of a node, and of this home: a home that was copied records the nodes of the one it was copied from.
 * undefined where that cannot be seen.
 */
export const isThatNode = (pid: number, network: string, incarnation: number): boolean | undefined =>
  hasEnvironment(pid, marks(network, incarnation)) && isOfThisHome(pid)

const isOfThisHome = (pid: number): boolean => [undefined, realpathSync(home)].includes(directoryOf(pid))

/** Variables that tell one life of a node from every other process. */
export const marks = (network: string, incarnation: number) => ({
  POLYCHORD_NETWORK: network,
  POLYCHORD_INCARNATION: String(incarnation),
})

export const survey = ({ network, processes }: Booted): Promise<Sighting[]> =>
  Promise.all(processes.map((entry) => look(entry, network.id)))

/**
 * The same, and the members that no task has started, such as those of `npm start`: as far as the recorded ones watch who is there, or, where
 * none of these runs any more, knew it. With how one of those that are well sees each, by id.
 */
export const surveyAll = async (booted: Booted): Promise<{ sightings: Sighting[]; opinion: ReadonlyMap<Id, string> }> => {
  const sightings = await survey(booted)
  const recorded = new Set(booted.processes.map(({ id }) => id))
  const members = await membersSeen(sightings)
  const known = sightings.some(isRunning)
    ? members.filter(({ state }) => state !== 'dead' && state !== 'left')
    : contactsOf(booted)
  const others = known.filter(({ id }) => !recorded.has(id))
  // One that is recorded may live on without this home's doing: as another state file says, or as another home has started it.
  const ended = sightings.filter(({ condition }) => condition === 'dead' || condition === 'foreign').map(({ entry }) => entry)
  const infos = await Promise.all([...others, ...ended].map(async ({ id, url }) => ({ id, info: await nodeInfo(url) })))
  const strangers = infos.flatMap(({ id, info }): Running[] =>
    info?.network === booted.network.id && info.id === id && info.state === 'ready'
      ? [{ entry: entryOf(info), condition: 'running', info }]
      : [],
  )
  const found = new Set(strangers.map(({ entry: { id } }) => id))
  return {
    sightings: [...sightings.filter(({ entry: { id } }) => !found.has(id)), ...strangers],
    opinion: new Map(members.map(({ id, state }) => [id, state])),
  }
}

/** Of a process that no task knows. */
const entryOf = ({ name, id, url, incarnation }: NodeInfo): Entry => ({
  name,
  id,
  url,
  pid: null,
  incarnation,
  startedAt: new Date(incarnation).toISOString(),
  state: 'running',
  logFile: '',
  dataDir: '',
})

/** Whether no task has started it. */
export const isStranger = ({ entry: { pid }, condition }: Sighting): boolean => condition === 'running' && pid === null

/**
 * The network of this home, without the nodes that have left, and with what an interrupted task left behind completed or cleared away.
 * @throws TaskFailure when nothing was booted
 */
export const openNetwork = async (): Promise<Booted> => {
  const state = assertBooted(await readState())
  return state.processes.some((entry) => isAbandoned(entry) || hasLeft(entry)) ? repair() : state
}

/** Whether it ended after it had handed everything over, whoever asked it to. */
export const hasLeft = ({ pid, dataDir }: Entry): boolean =>
  (pid === null || !isAlive(pid)) && recall(inHome(dataDir))?.left === true

/** More than any start takes. */
const startTimeoutMs = 90_000

const isStarting = ({ state }: Entry): boolean => state === 'starting' || state === 'restarting'

/** Its starter is gone without having said how it went. */
export const isAbandoned = (entry: Entry): boolean =>
  isStarting(entry) &&
  (entry.starterPid === undefined || !isAlive(entry.starterPid) || Date.now() - entry.incarnation > startTimeoutMs)

/**
 * A node whose starter died ends by itself unless it had joined already: then it belongs to the network. One that has had a life
 * before has data, and stays recorded.
 */
const repair = (): Promise<Booted> =>
  changeState(async ({ state, save }) => {
    const { network, processes } = assertBooted(state)
    const repaired = await Promise.all(
      processes.map(async (entry): Promise<Entry | undefined> => {
        if (hasLeft(entry)) {
          await rm(inHome(entry.dataDir), { recursive: true, force: true })
          return undefined
        }
        if (!isAbandoned(entry)) return entry
        const sighting = await look(entry, network.id)
        const { starterPid: _, ...rest } = entry
        if (isRunning(sighting) && sighting.info.state === 'ready') return { ...rest, state: 'running' }
        if (entry.pid !== null && (isRunning(sighting) || sighting.condition === 'silent')) await endProcess(entry.pid)
        return entry.state === 'restarting' ? { ...rest, state: 'dead' } : undefined
      }),
    )
    const next = { ...state, network, processes: repaired.filter((entry) => entry !== undefined) }
    await save(next)
    return next
  })

const assertBooted = (state: NetworkState): Booted => {
  if (state.network === null) throw new TaskFailure(`no network is running; type: ${typed('boot')}`)
  assertOptions(state.network)
  return { ...state, network: state.network }
}

/** Those that answer, in no order. @throws TaskFailure when there are none */
export const runningNodes = async (booted: Booted): Promise<[Running, ...Running[]]> => {
  const sightings = await survey(booted)
  const [first, ...rest] = sightings.filter(isRunning)
  if (first) return [first, ...rest]
  const silent = sightings.filter(isSilent)
  throw new TaskFailure(
    silent.length > 0
      ? `none of the ${plural(sightings.length, 'recorded node')} answers: ${wayWithSilent(silent)}`
      : `none of the ${plural(sightings.length, 'recorded node')} is running; type: ${typed('restart all')}, or killall`,
  )
}

export const urlsOf = (running: readonly Running[]): string[] => running.map(({ entry }) => entry.url)

/** A random one of those that have joined: every node answers for all of them. @throws TaskFailure when there are none */
export const pickRandomNode = async (booted: Booted): Promise<Running> => {
  const running = await runningNodes(booted)
  const [first, ...rest] = running.filter(({ info }) => info.state === 'ready')
  return oneOf(first ? [first, ...rest] : running)
}

/** A random one. */
const oneOf = <T>(items: readonly [T, ...T[]]): T => items[randomInt(items.length)] ?? items[0]

/** The members of a network as one of them sees them that is well; nobody where nobody watches. */
const membersSeen = async (sightings: readonly Sighting[]) => {
  const witness = sightings.filter(isRunning).find(({ info: { membership } }) => membership?.known && !membership.cutOff)
  const seen = witness && (await orUndefined(ask(witness.entry.url, clientApi.members, {}, lookTimeoutMs)))
  return seen?.members ?? []
}

/** Whom the recorded nodes knew when they ran last, each once. */
const contactsOf = ({ processes }: Booted): Peer[] => {
  const contacts = processes.flatMap(({ dataDir }) => recall(inHome(dataDir))?.contacts ?? [])
  return [...new Map(contacts.map((peer) => [peer.id, peer])).values()]
}
