/** `add` and `addmany`: nodes that join through random running ones. */
import { randomInt } from 'node:crypto'
import { TaskFailure, WrongUse } from './failure.ts'
import { waitUntilWhole } from './faults.ts'
import { launch } from './launch.ts'
import { nodeInfo, openNetwork, runningNodes, urlsOf } from './live.ts'
import { label } from './naming.ts'
import { progressBar } from './render/bar.ts'
import { plural } from './render/text.ts'
import { ended } from './status.ts'
import type { BootedNetwork, Entry } from './state.ts'
import { type Task, typed } from './task.ts'
import type { Terminal } from './terminal.ts'
import { idWord, portNumber, wholeNumber } from './words.ts'

/** Joins under way at the same time: more would only wait for the processors. */
const atOnce = 4
const mostAtATime = 500
/** Running nodes that one is told of which joins: any of them may be about to go. */
const seedsEach = 3

/** How a crowd of nodes is started, and what is told of each. */
export interface Crowd {
  readonly count: number
  /** Starts one of them, and resolves once it has joined. @throws TaskFailure */
  start(number: number): Promise<Entry>
  /** What it then has done: `joined`. */
  readonly verb: string
  /** Whether the rest is started all the same when one does not come up. */
  readonly regardless: boolean
}

/** A few of the running nodes, beginning anywhere. */
export const seedsOf = (urls: readonly string[], most = seedsEach): string[] => {
  const from = randomInt(Math.max(1, urls.length))
  return [...urls.slice(from), ...urls.slice(0, from)].slice(0, most)
}

/** A few of those that have their place now: whoever is told only of nodes that have gone since founds a network of its own. */
export const joinable = async (urls: readonly string[]): Promise<string[]> => {
  const ready: string[] = []
  for (const url of seedsOf(urls, urls.length)) {
    if (ready.length === seedsEach) break
    if ((await nodeInfo(url))?.state === 'ready') ready.push(url)
  }
  return ready.length > 0 ? ready : seedsOf(urls)
}

/** Starts nodes, a few at a time. Resolves when those under way have joined or failed, with why they failed. */
export const startCrowd = async (
  { count, start, verb, regardless }: Crowd,
  terminal: Terminal,
  quiet: boolean,
): Promise<Error[]> => {
  const failures: Error[] = []
  let begun = 0
  let joined = 0
  const worker = async () => {
    while (begun < count && (regardless || failures.length === 0)) {
      try {
        const entry = await start(begun++)
        joined++
        if (quiet) continue
        if (terminal.isTerminal)
          terminal.progress(`${progressBar(joined, count, 30)} ${joined} of ${count} ${verb} · ${entry.name}`)
        else terminal.print(`${label(entry)} ${verb} (${joined} of ${count})`)
      } catch (error) {
        if (!(error instanceof Error)) throw error
        failures.push(error)
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, worker))
  return failures
}

/** Ids are hashes: where more than half of them are taken, most ports would give a node one that another has. @throws WrongUse */
export const assertRoom = (nodes: number, { bits }: BootedNetwork['options']): void => {
  const most = 2 ** Number(bits) / 2
  if (nodes > most) throw new WrongUse(`ids of ${bits} bits are for ${most} nodes at most, not ${nodes}; boot with more bits`)
}

/**
 * So many more nodes. The first failure ends it, once those under way have joined.
 * @throws TaskFailure
 */
export const grow = async (count: number, terminal: Terminal, quiet: boolean): Promise<void> => {
  if (count === 0) return
  const booted = await openNetwork()
  const members = urlsOf(await runningNodes(booted))
  const before = members.length
  const start = async () => {
    const entry = await launch({ network: booted.network, seeds: await joinable(members) })
    members.push(entry.url)
    return entry
  }
  const [failure] = await startCrowd({ count, start, verb: 'joined', regardless: false }, terminal, quiet)
  if (!failure) return
  if (!(failure instanceof TaskFailure)) throw failure
  throw new TaskFailure(`${members.length - before} of ${plural(count, 'node')} joined; ${failure.message}`, { cause: failure })
}

export const add: Task = {
  name: 'add',
  summary: 'one more node, on the next free port or the one given',
  args: { '[port]': 'its port; without it the next free one' },
  options: { id: 'its id in hex, in a network booted with allowCustomIds=true' },
  text: false,
  examples: ['add', 'add 10042', 'add id=80'],
  run: async ({ plain: [word], options: { id }, json }, terminal) => {
    const port = word === undefined ? {} : { port: portNumber(word) }
    const { network, ...state } = await openNetwork()
    if (id !== undefined && network.options['allowCustomIds'] !== true)
      throw new WrongUse(`this network derives ids from urls; for ids of your own type: ${typed('reboot allowCustomIds=true')}`)
    const own = id === undefined ? {} : { id: idWord('id', id, Number(network.options['bits'])) }
    const seeds = await joinable(urlsOf(await runningNodes({ ...state, network })))
    const entry = await launch({ network, seeds, ...port, ...own })
    const said = `${label(entry)} joined: ${entry.url}`
    await waitUntilWhole(said, terminal, json)
    return ended([said], terminal, 'status', 'monitor')
  },
}

export const addmany: Task = {
  name: 'addmany',
  summary: 'many more nodes',
  args: { '<n>': 'how many' },
  options: {},
  text: false,
  examples: ['addmany 10'],
  run: async ({ plain: [word = ''], json }, terminal) => {
    const count = wholeNumber('the number of nodes', word, 1, mostAtATime)
    const { network, processes } = await openNetwork()
    assertRoom(processes.length + count, network.options)
    await grow(count, terminal, json)
    const said = `${plural(count, 'node')} joined`
    await waitUntilWhole(said, terminal, json)
    return ended([said], terminal, 'storemany 100', 'status', 'monitor')
  },
}
