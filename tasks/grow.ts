/** `add` and `addmany`: nodes that join through random running ones. */
import { isId } from '../src/space/id.ts'
import { WrongUse } from './failure.ts'
import { waitUntilWhole } from './faults.ts'
import { launch } from './launch.ts'
import { label, oneOf, openNetwork, runningNodes } from './live.ts'
import { progressBar } from './render/bar.ts'
import { plural } from './render/text.ts'
import { ended } from './status.ts'
import type { Task } from './task.ts'
import type { Terminal } from './terminal.ts'
import { portNumber, wholeNumber } from './words.ts'

/** Joins under way at the same time: more would only wait for the processors. */
const atOnce = 4
const mostAtATime = 500

/**
 * So many more nodes. The first failure ends it, once those under way have joined.
 * @throws TaskFailure
 */
export const grow = async (count: number, terminal: Terminal, quiet: boolean): Promise<void> => {
  if (count === 0) return
  const booted = await openNetwork()
  const [first, ...rest] = (await runningNodes(booted)).map(({ entry }) => entry.url)
  const members: [string, ...string[]] = [first ?? '', ...rest]
  let begun = 0
  let joined = 0
  let failure: Error | undefined
  const worker = async () => {
    while (begun < count && failure === undefined) {
      begun++
      try {
        const entry = await launch({ network: booted.network, seeds: [oneOf(members)] })
        members.push(entry.url)
        joined++
        if (quiet) continue
        if (terminal.isTerminal)
          terminal.progress(`${progressBar(joined, count, 30)} ${joined} of ${count} joined · ${entry.name}`)
        else terminal.print(`${label(entry)} joined (${joined} of ${count})`)
      } catch (error) {
        if (!(error instanceof Error)) throw error
        failure ??= error
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, worker))
  if (failure) throw failure
}

export const add: Task = {
  name: 'add',
  summary: 'one more node, on the next free port or the one given',
  args: { '[port]': 'its port; without it the next free one' },
  options: { id: 'its id in hex, in a network booted with allowCustomIds=true' },
  text: false,
  examples: ['add', 'add 10042', 'add 10042 id=a0'],
  run: async ({ plain: [word], options: { id } }, terminal) => {
    const port = word === undefined ? {} : { port: portNumber(word) }
    const { network, ...state } = await openNetwork()
    const bits = Number(network.options['bits'])
    if (id !== undefined && network.options['allowCustomIds'] !== true)
      throw new WrongUse(
        'this network derives ids from urls; for ids of your own type: npm run task reboot allowCustomIds=true',
      )
    if (id !== undefined && !isId(id, bits))
      throw new WrongUse(`id must be ${bits / 4} lowercase hex digits in this network, not ${JSON.stringify(id)}`)
    const { entry: seed } = oneOf(await runningNodes({ ...state, network }))
    const entry = await launch({ network, seeds: [seed.url], ...port, ...(id === undefined ? {} : { id }) })
    await waitUntilWhole()
    return ended([`${label(entry)} joined through ${label(seed)}: ${entry.url}`], terminal.paint, 'status', 'monitor')
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
    await grow(count, terminal, json)
    await waitUntilWhole()
    return ended([`${plural(count, 'node')} joined`], terminal.paint, 'storemany 100', 'status', 'monitor')
  },
}
