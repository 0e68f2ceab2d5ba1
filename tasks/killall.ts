/** `killall`: the end of a network, of its processes, logs and data. */
import { existsSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { holdersOf } from '../src/service/claim.ts'
import { hasCode } from '../src/service/code.ts'
import { TaskFailure } from './failure.ts'
import { home, inHome } from './home.ts'
import { isLiving, type Sighting, survey } from './live.ts'
import { endProcess } from './processes.ts'
import { plural } from './render/text.ts'
import { removeSecrets } from './secret.ts'
import { changeState, emptyState } from './state.ts'
import { next, type Outcome, type Task } from './task.ts'

/**
 * Only what was recorded, and only after looking that it is that node.
 * @param tell told what is waited for
 * @throws TaskFailure when a process does not end
 */
export const endNetwork = (tell: (text: string) => void): Promise<Outcome> =>
  changeState(async ({ state, save }) => {
    const { network } = state
    const sightings = network === null ? [] : await survey({ ...state, network })
    const ours = sightings.filter(isLiving)
    const foreign = sightings.filter(({ condition }) => condition === 'foreign')
    await assertUnused(ours.map(({ entry }) => entry.pid))
    // Nothing is ended where that could not be written down; unless what is about to be removed makes room for it.
    await save(state).catch((error: unknown) => {
      if (!hasCode(error, 'ENOSPC')) throw error
    })
    if (ours.length > 0) tell(`${plural(ours.length, 'node')} of network ${network?.id} to end`)
    await Promise.all(ours.map(async ({ entry: { pid } }) => pid !== null && endProcess(pid)))
    await removeFolders()
    removeSecrets()
    await removeTornWrites()
    await save(emptyState)
    return {
      lines: [
        network === null
          ? 'no network was running'
          : `${plural(ours.length, 'node')} of network ${network.id} ended; logs and data are gone`,
        ...foreign.map(leftAlone),
      ],
      data: { network: network?.id ?? null, ended: namesOf(ours), leftAlone: namesOf(foreign) },
    }
  })

/** What the nodes of a network have left that has none any more. @throws TaskFailure as assertUnused */
export const removeFolders = async (): Promise<void> => {
  await assertUnused()
  for (const folder of ['logs', 'data']) await rm(inHome('.polychord', folder), { recursive: true, force: true })
}

/**
 * Nothing is removed from under a node that is not recorded, nor is a network booted beside it: the state file may be another one than the
 * network was booted with.
 * @param but processes that are about to end
 * @throws TaskFailure
 */
export const assertUnused = async (but: readonly (number | null)[] = []) => {
  const data = inHome('.polychord', 'data')
  const entries = existsSync(data) ? await readdir(data, { withFileTypes: true }) : []
  const folders = entries.filter((entry) => entry.isDirectory())
  const used = folders.flatMap(({ name }) =>
    holdersOf(join(data, name)).flatMap((pid) => (but.includes(pid) ? [] : { name, pid })),
  )
  if (used.length === 0) return
  throw new TaskFailure(
    [
      'nodes run whose data is here and which network-state.json does not record; nothing was done:',
      ...used.map(({ name, pid }) => `  process ${pid} in .polychord/data/${name}`),
      `bring the state file back, or end them: kill ${used.map(({ pid }) => pid).join(' ')}`,
    ].join('\n'),
  )
}

/** What a task leaves that was killed in the middle of writing the state. */
const removeTornWrites = async () => {
  const torn = (await readdir(home)).filter((name) => /^network-state\.json\.\d+$/.test(name))
  await Promise.all(torn.map((name) => rm(inHome(name), { force: true })))
}

const namesOf = (sightings: readonly Sighting[]) => sightings.map(({ entry: { name, pid } }) => ({ name, pid }))

const leftAlone = ({ entry: { name, pid } }: Sighting) =>
  `left alone: process ${pid}, recorded as ${name}, does not show that it is that node; if you know better: kill ${pid}`

export const killall: Task = {
  name: 'killall',
  alias: 'destroy',
  summary: 'end the network: processes, logs, data',
  args: {},
  options: {},
  text: false,
  examples: ['killall'],
  run: async ({ json }, terminal) => {
    const { lines, data } = await endNetwork((text) => {
      if (!json) terminal.progress(text)
    })
    return { lines: [...lines, next('boot')], data }
  },
}
