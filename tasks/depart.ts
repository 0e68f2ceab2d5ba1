/** `leave` and `kill`: one node less, politely or not. */
import { clientApi } from '../src/protocol/client-api.ts'
import { Refusal } from '../src/protocol/errors.ts'
import { ask } from './client.ts'
import { TaskFailure } from './failure.ts'
import { waitUntilWhole } from './faults.ts'
import { findEntry, isLiving, label, openNetwork, portOf, survey } from './live.ts'
import { hasEnded, killProcess } from './processes.ts'
import { plural } from './render/text.ts'
import { changeEntry } from './state.ts'
import { ended } from './status.ts'
import { next, type Task, typed } from './task.ts'

const leaveTimeoutMs = 30_000

/** The process that a word means, when it lives. @throws WrongUse, TaskFailure */
const findLiving = async (word: string) => {
  const booted = await openNetwork()
  const entry = findEntry(booted.processes, word)
  const [sighting] = await survey({ ...booted, processes: [entry] })
  if (!sighting || !isLiving(sighting) || entry.pid === null)
    throw new TaskFailure(`${entry.name} is not running; type: ${typed('status')}`)
  return { entry, pid: entry.pid }
}

const askToLeave = async (url: string) => {
  try {
    return await ask(url, clientApi.leave, {})
  } catch (error) {
    if (!(error instanceof Refusal && error.code === 'LAST_NODE')) throw error
    throw new TaskFailure(`${error.message}; to end the network type: ${typed('killall')}`, { cause: error })
  }
}

export const leave: Task = {
  name: 'leave',
  summary: 'ask a node to hand over its content, rewire its neighbours and stop',
  args: { '<node>': 'a port, a name, or the beginning of an id' },
  options: {},
  text: false,
  examples: ['leave 10003'],
  run: async ({ plain: [word = ''] }, { paint }) => {
    const { entry, pid } = await findLiving(word)
    const { toMove } = await askToLeave(entry.url)
    if (!(await hasEnded(pid, leaveTimeoutMs)))
      throw new TaskFailure(
        `${entry.name} is still leaving after ${leaveTimeoutMs / 1000} s; type: ${typed(`logs ${portOf(entry.url)}`)}`,
      )
    await changeEntry(entry, () => undefined)
    await waitUntilWhole()
    return ended([`${label(entry)} left; ${plural(toMove, 'record')} moved on`], paint, 'status')
  },
}

export const kill: Task = {
  name: 'kill',
  summary: 'kill -9 a node: the others find out by themselves',
  args: { '<node>': 'a port, a name, or the beginning of an id' },
  options: {},
  text: false,
  examples: ['kill 10003'],
  run: async ({ plain: [word = ''] }) => {
    const { entry, pid } = await findLiving(word)
    await killProcess(pid)
    await changeEntry(entry, (before) => ({ ...before, state: 'dead' }))
    return {
      lines: [`${label(entry)} is dead; what it alone held is lost`, next('check 30', 'monitor')],
      data: { ...entry, state: 'dead' },
    }
  },
}
