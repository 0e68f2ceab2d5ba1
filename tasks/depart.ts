/** `leave` and `kill`: one node less, politely or not. */
import { rm } from 'node:fs/promises'
import { clientApi } from '../src/protocol/client-api.ts'
import { Refusal, Unreachable } from '../src/protocol/errors.ts'
import { ask } from './client.ts'
import { TaskFailure } from './failure.ts'
import { waitUntilWhole } from './faults.ts'
import { inHome } from './home.ts'
import { hasLeft, isLiving, nodeInfo, openNetwork, survey } from './live.ts'
import { findOurs, label, nodeWord } from './naming.ts'
import { hasEnded, killProcess } from './processes.ts'
import { plural, portOf } from './render/text.ts'
import { signatureFor } from './secret.ts'
import { type BootedNetwork, changeEntry, type Entry } from './state.ts'
import { ended } from './status.ts'
import { next, type Task, typed } from './task.ts'

/** How long a leave may be without progress. */
const leaveTimeoutMs = 30_000
/** Between two looks at a leave. */
const lookEveryMs = 200

/** The process that a word means, when it lives. @throws WrongUse, TaskFailure */
const findLiving = async (word: string) => {
  const booted = await openNetwork()
  const entry = await findOurs(booted, word)
  const [sighting] = await survey({ ...booted, processes: [entry] })
  if (!sighting || !isLiving(sighting) || entry.pid === null)
    throw new TaskFailure(`${entry.name} is not running; to have it back: ${typed(`restart ${portOf(entry.url)}`)}`)
  return { network: booted.network, entry, pid: entry.pid }
}

const askToLeave = async (network: BootedNetwork, node: Entry) => {
  try {
    return await ask(node.url, clientApi.leave, {}, undefined, signatureFor(network, node))
  } catch (error) {
    if (error instanceof Unreachable)
      throw new TaskFailure(
        `${error.message}; if it lives it leaves once it reads this: to keep it, ${typed(`kill ${portOf(node.url)}`)}, then ${typed(`restart ${portOf(node.url)}`)}`,
        { cause: error },
      )
    if (!(error instanceof Refusal && error.code === 'LAST_NODE')) throw error
    throw new TaskFailure(error.message, { cause: error })
  }
}

/**
 * Waits for the end of a process that was asked to leave.
 * @param tell called with how many records are known to be on their way
 * @throws TaskFailure when it changes its mind, or gets nowhere
 */
const watchLeave = async (entry: Entry, pid: number, tell: (moving: number) => void): Promise<void> => {
  let moving = 0
  let deadline = performance.now() + leaveTimeoutMs
  while (!(await hasEnded(pid, lookEveryMs))) {
    const info = await nodeInfo(entry.url)
    const seeLog = `type: ${typed(`logs ${portOf(entry.url)}`)}`
    const seeWhy = `the others may be full: ${typed('status')}; or ${typed(`logs ${portOf(entry.url)}`)}`
    if (info?.state === 'ready') throw new TaskFailure(`${entry.name} stays: nobody takes what it holds; ${seeWhy}`)
    if (info && info.content.moving !== moving) {
      moving = info.content.moving
      deadline = performance.now() + leaveTimeoutMs
      tell(moving)
    }
    if (performance.now() > deadline)
      throw new TaskFailure(
        `${entry.name} is still leaving, ${plural(moving, 'record')} on their way and no progress for ${leaveTimeoutMs / 1000} s; ${seeLog}`,
      )
  }
}

export const leave: Task = {
  name: 'leave',
  summary: 'ask a node to hand over its content, rewire its neighbours and stop',
  args: { '<node>': nodeWord },
  options: {},
  text: false,
  examples: ['leave 10003'],
  run: async ({ plain: [word = ''], json }, terminal) => {
    const { network, entry, pid } = await findLiving(word)
    const { toMove } = await askToLeave(network, entry)
    await watchLeave(entry, pid, (moving) => {
      if (!json) terminal.progress(`${entry.name} hands over ${plural(toMove, 'record')} · ${moving} on their way`)
    })
    if (!hasLeft(entry)) {
      await changeEntry(entry, (before) => ({ ...before, state: 'dead' }))
      throw new TaskFailure(
        `${entry.name} ended before it had handed over everything; it keeps its data: ${typed(`restart ${portOf(entry.url)}`)}`,
      )
    }
    await rm(inHome(entry.dataDir), { recursive: true, force: true })
    await changeEntry(entry, () => undefined)
    const said = `${label(entry)} left; ${plural(toMove, 'record')} moved on`
    await waitUntilWhole(said, terminal, json)
    return ended([said], terminal, 'status')
  },
}

export const kill: Task = {
  name: 'kill',
  summary: 'kill -9 a node: the others find out by themselves',
  args: { '<node>': nodeWord },
  options: {},
  text: false,
  examples: ['kill 10003'],
  run: async ({ plain: [word = ''] }) => {
    const { entry, pid } = await findLiving(word)
    await killProcess(pid)
    try {
      await changeEntry(entry, (before) => ({ ...before, state: 'dead' }))
    } catch (cause) {
      throw new TaskFailure(`${label(entry)} is dead, but that could not be written down: ${(cause as Error).message}`, {
        cause,
      })
    }
    return {
      lines: [
        `${label(entry)} is dead; what it held stays on its disk`,
        next('check 30', 'monitor', `restart ${portOf(entry.url)}`),
      ],
      data: { ...entry, state: 'dead' },
    }
  },
}
