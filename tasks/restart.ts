/** `restart`: nodes that have ended come back, with their data. */
import { existsSync } from 'node:fs'
import { TaskFailure } from './failure.ts'
import { waitUntilWhole } from './faults.ts'
import { joinable, startCrowd } from './grow.ts'
import { inHome } from './home.ts'
import { assertNobodyElse, relaunch } from './launch.ts'
import { type Booted, isLiving, isRunning, isSilent, openNetwork, surveyAll, urlsOf, wayWithSilent } from './live.ts'
import { findOurs, label, nodeWord } from './naming.ts'
import { endProcess } from './processes.ts'
import { plural } from './render/text.ts'
import { readSecrets } from './secret.ts'
import type { Entry } from './state.ts'
import { ended } from './status.ts'
import { type Outcome, type Task, typed } from './task.ts'
import type { Terminal } from './terminal.ts'
import type { Words } from './words.ts'

const restartOne = async (booted: Booted, word: string, terminal: Terminal, quiet: boolean): Promise<Outcome> => {
  const entry = await findOurs(booted, word)
  const { sightings } = await surveyAll(booted)
  const sighting = sightings.find((one) => one.entry === entry)
  if (sighting?.condition === 'starting')
    throw new TaskFailure(`another task is starting ${entry.name}; when that is done type: ${typed('status')}`)
  const others = urlsOf(sightings.filter(isRunning).filter((other) => other.entry !== entry))
  // What is ended must be able to come back.
  if (booted.network.secret) readSecrets()
  if (others.length === 0) assertNobodyElse(entry, booted)
  if (sighting && isLiving(sighting) && entry.pid !== null) await endProcess(entry.pid)
  const had = hasData(entry)
  const back = await relaunch(entry, { network: booted.network, seeds: await joinable(others) })
  const alone = others.length === 0 && booted.processes.length > 1
  const data = had ? 'with its data' : 'without data: its directory was gone'
  const said = `${label(back)} is back ${data}${alone ? ', as the first of the ring' : ''}`
  await waitUntilWhole(said, terminal, quiet)
  return ended([said], terminal, ...(alone ? ['restart all'] : ['status', 'check 30']))
}

const hasData = ({ dataDir }: Entry): boolean => existsSync(inHome(dataDir))

/** The first that comes up, in the order in which they were recorded, so that the others have whom to join. */
const restartFirst = async (gone: readonly Entry[], { network }: Booted) => {
  const failures: Error[] = []
  for (const entry of gone)
    try {
      return { first: await relaunch(entry, { network, seeds: [] }), failures }
    } catch (error) {
      if (!(error instanceof TaskFailure)) throw error
      failures.push(error)
    }
  throw new TaskFailure(['no node came back:', ...new Set(failures.map(({ message }) => message))].join('\n'))
}

const restartAll = async (booted: Booted, terminal: Terminal, quiet: boolean): Promise<Outcome> => {
  const { processes, network } = booted
  if (processes.length === 0) throw new TaskFailure(`no node of this network is recorded; type: ${typed('reboot')}`)
  const { sightings } = await surveyAll(booted)
  const gone = sightings.filter(({ condition }) => condition === 'dead' || condition === 'foreign').map(({ entry }) => entry)
  const silent = sightings.filter(isSilent)
  if (gone.length === 0 && silent.length > 0)
    throw new TaskFailure(`no recorded node has ended, and ${silent.length} do not answer: ${wayWithSilent(silent)}`)
  if (gone.length === 0) return ended(['none of the recorded nodes has ended: nothing to restart'], terminal, 'status')
  const members = urlsOf(sightings.filter(isRunning))
  const failures: Error[] = []
  const bare = gone.filter((entry) => !hasData(entry)).length
  let rest = gone
  if (members.length === 0) {
    const { first, failures: before } = await restartFirst(gone, booted)
    if (!quiet && !terminal.isTerminal) terminal.print(`${label(first)} is back, as the first of the ring`)
    members.push(first.url)
    failures.push(...before)
    rest = gone.slice(before.length + 1)
  }
  const start = async (number: number) => {
    const entry = await relaunch(rest[number] as Entry, { network, seeds: await joinable(members) })
    members.push(entry.url)
    return entry
  }
  failures.push(...(await startCrowd({ count: rest.length, start, verb: 'is back', regardless: true }, terminal, quiet)))
  const back = gone.length - failures.length
  if (failures.length > 0)
    throw new TaskFailure(
      [`${back} of ${plural(gone.length, 'node')} came back:`, ...failures.map(({ message }) => message)].join('\n'),
    )
  const whole = back === 1 ? '1 node is back with its data' : `${back} nodes are back with their data`
  const said = bare > 0 ? `${plural(back, 'node')} back, ${bare} without data: the directory was gone` : whole
  await waitUntilWhole(said, terminal, quiet)
  return ended([said], terminal, 'status', 'check 30')
}

export const restart: Task = {
  name: 'restart',
  summary: 'stop a node and start it, or start all that have ended, with their data',
  args: { '<node>': `${nodeWord}; or all: every node that does not run` },
  options: {},
  text: false,
  examples: ['restart 10003', 'restart all'],
  run: async ({ plain: [word = ''], json }: Words, terminal) => {
    const booted = await openNetwork()
    return word === 'all' ? restartAll(booted, terminal, json) : restartOne(booted, word, terminal, json)
  },
}
