/** `killall`: the end of a network, of its processes, logs and data. */
import { existsSync, readdirSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { holdersOf } from '../src/service/claim.ts'
import { hasCode } from '../src/service/code.ts'
import { TaskFailure } from './failure.ts'
import { home, inHome } from './home.ts'
import { isLiving, type Sighting, survey } from './live.ts'
import { endProcess } from './processes.ts'
import { plural } from './render/text.ts'
import { removeSecrets } from './secret.ts'
import { changeState, emptyState } from './state.ts'
import { next, type Outcome, type Task, typed } from './task.ts'

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
  const folders = await dataFolders()
  const used = folders.flatMap((name) => holdersOf(dataFolder(name)).flatMap((pid) => (but.includes(pid) ? [] : { name, pid })))
  if (used.length === 0) return
  throw new TaskFailure(
    [
      'nodes run whose data is here and which network-state.json does not record; nothing was done:',
      ...used.map(({ name, pid }) => `  process ${pid} in .polychord/data/${name}`),
      `bring the state file back, or end them: kill ${used.map(({ pid }) => pid).join(' ')}`,
    ].join('\n'),
  )
}

/** Nor is a network booted over what others have left, which may be all that there is of theirs. @throws TaskFailure as assertUnused */
export const assertNoData = async () => {
  await assertUnused()
  const left = (await dataFolders()).filter((name) => readdirSync(dataFolder(name)).length > 0)
  if (left.length === 0) return
  throw new TaskFailure(
    `data is here of ${plural(left.length, 'node')} that network-state.json does not record (.polychord/data/${left[0]}); ` +
      `bring the state file back and type: ${typed('restart all')}; or delete them: ${typed('killall')}`,
  )
}

const dataFolder = (...names: string[]) => inHome('.polychord', 'data', ...names)

const dataFolders = async (): Promise<string[]> => {
  const entries = existsSync(dataFolder()) ? await readdir(dataFolder(), { withFileTypes: true }) : []
  return entries.flatMap((entry) => (entry.isDirectory() ? [entry.name] : []))
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
