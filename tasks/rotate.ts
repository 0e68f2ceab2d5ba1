/**
 * `rotate`: another secret, with no call failing. First every node accepts the new one, then every node signs with it, and only
 * then the old one is dropped. Each step is a file, and a SIGHUP to whoever does not follow it yet.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { errorStatus } from '../src/protocol/errors.ts'
import { keyIdOf } from '../src/service/keyring.ts'
import { orUndefined, send } from './client.ts'
import { TaskFailure } from './failure.ts'
import {
  type Booted,
  isLiving,
  isRunning,
  isSilent,
  isStranger,
  openNetwork,
  runningNodes,
  type Sighting,
  survey,
  surveyAll,
  wayWithSilent,
} from './live.ts'
import { assertStillThere } from './launch.ts'
import { signal } from './processes.ts'
import { type Lock, takeLock } from './lock.ts'
import { plural } from './render/text.ts'
import { newSecret, readSecrets, secretFile, signing, writeSecrets } from './secret.ts'
import { type BootedNetwork, changeState, readState } from './state.ts'
import { next, type Task, typed } from './task.ts'

/** For all nodes to follow one step. */
const followTimeoutMs = 30_000
const pollMs = 100
const probeTimeoutMs = 2000

/** What a node shall do with which secrets. */
interface Step {
  /** The first signs, all are accepted. */
  readonly secrets: readonly [string, ...string[]]
  /** No longer. */
  readonly dropped?: readonly string[]
}

/** Whether the node accepts a secret, and the id of the key that it signs with; undefined when it does not answer. */
const probe = async ({ entry }: Sighting, network: string, secret: string) => {
  const answer = await orUndefined(
    send(entry.url, 'GET', '/healthz', undefined, probeTimeoutMs, signing(secret, network, entry)),
  )
  return answer && { accepts: answer.status !== errorStatus.UNAUTHORIZED, signs: answer.signature?.split(' ')[0] }
}

const follows = async (node: Sighting, network: string, { secrets, dropped = [] }: Step): Promise<boolean> => {
  const ask = (secret: string) => probe(node, network, secret)
  const [good, bad] = await Promise.all([Promise.all(secrets.map(ask)), Promise.all(dropped.map(ask))])
  return (
    good.every((answer) => answer?.accepts && answer.signs === keyIdOf(secrets[0])) &&
    bad.every((answer) => answer?.accepts === false)
  )
}

/**
 * Writes the secrets down, and waits until every living node follows.
 * @returns how many these are
 * @throws TaskFailure also when that network has been ended: another one may be there by now
 */
const take = async (network: BootedNetwork, { assertHeld }: Lock, step: Step): Promise<number> => {
  await changeState(async ({ state }) => {
    assertStillThere(state, network)
    assertHeld()
    await writeSecrets(step.secrets)
  })
  for (const deadline = performance.now() + followTimeoutMs; ; await sleep(pollMs)) {
    const living = (await survey(await openNetwork())).filter(isLiving)
    // Looked at last: it may have been ended since they were.
    assertStillThere(await readState(), network)
    if (living.length === 0)
      throw new TaskFailure(
        `no node runs any more; those that are started again follow ${secretFile}; type: ${typed('status')}`,
      )
    const following = await Promise.all(living.map((node) => follows(node, network.id, step)))
    const behind = living.filter((_, at) => !following[at])
    if (behind.length === 0) return living.length
    const silent = behind.filter(isSilent)
    if (performance.now() > deadline)
      throw new TaskFailure(
        `${behind.map(({ entry }) => entry.name).join(', ')} did not take the secrets of ${secretFile} within ${followTimeoutMs / 1000} s; ` +
          `all nodes go on with one that they share. ${silent.length > 0 ? wayWithSilent(silent) : `See ${typed('status')}`}; then ${typed('rotate')}`,
      )
    // Whoever is starting has yet to say what to do at this signal, and has read the file.
    for (const { entry } of behind.filter(isRunning)) if (entry.pid !== null) signal(entry.pid, 'SIGHUP')
  }
}

/** Whoever no task has started is told nothing by one, and would be shut out. @throws TaskFailure when there are such members */
const assertNoStrangers = async (booted: Booted): Promise<void> => {
  const { sightings } = await surveyAll(booted)
  const strangers = sightings.filter(isStranger).map(({ entry }) => `${entry.name} at ${entry.url}`)
  if (strangers.length > 0)
    throw new TaskFailure(
      `${strangers.join(', ')} would be shut out, for no task has started it: end it, or change ${secretFile} by hand, as README.md tells`,
    )
}

/** Whoever does not hear of the new secret would have the others wait for it. @throws TaskFailure when there are such nodes */
const assertNoneSilent = async (booted: Booted): Promise<void> => {
  const silent = (await survey(booted)).filter(isSilent)
  if (silent.length === 0) return
  const names = silent.map(({ entry }) => entry.name).join(', ')
  throw new TaskFailure(`${names} would not hear of another secret: ${wayWithSilent(silent)}; then: ${typed('rotate')}`)
}

/** @throws TaskFailure when another task is at it */
const alone = async <T>(work: (held: Lock) => Promise<T>): Promise<T> => {
  const held = await takeLock(secretFile, { stale: 5000 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ELOCKED') throw error
    throw new TaskFailure(`another task changes ${secretFile}, or has just been killed at it; try again in some seconds`, {
      cause: error,
    })
  })
  try {
    return await work(held)
  } finally {
    await held.release()
  }
}

export const rotate: Task = {
  name: 'rotate',
  summary: 'another secret for the network, with no call failing meanwhile',
  args: {},
  options: {},
  text: false,
  examples: ['rotate'],
  run: async ({ json }, terminal) => {
    const tell = (text: string) => {
      if (!json) terminal.progress(text)
    }
    const booted = await openNetwork()
    const { network } = booted
    if (!network.secret) throw new TaskFailure(`this network has no secret; for one with: ${typed('reboot secret=on')}`)
    readSecrets()
    await runningNodes(booted)
    await assertNoStrangers(booted)
    await assertNoneSilent(booted)
    return alone(async (held) => {
      terminal.tellUnfinished = () => `the secret is half changed, and no call fails for that; finish it: ${typed('rotate')}`
      // Others: what a rotation has left that did not come to its end. The first is always one that all accept.
      const [before, ...others] = readSecrets()
      const after = newSecret()
      tell('1 of 3 · every node is to accept another secret')
      await take(network, held, { secrets: [before, after, ...others] })
      tell('2 of 3 · every node is to sign with it')
      await take(network, held, { secrets: [after, before, ...others] })
      tell('3 of 3 · every node is to drop the one before')
      // What was signed with the old one may still be on its way.
      await sleep(Number(network.options['callTimeoutMs']))
      const nodes = await take(network, held, { secrets: [after], dropped: [before, ...others] })
      return {
        lines: [`${plural(nodes, 'node')} follow another secret; the one before is worth nothing now`, next('status')],
        data: { nodes, signs: keyIdOf(after), dropped: [before, ...others].map(keyIdOf) },
      }
    })
  },
}
