/** `check`: what must hold of the whole network, asked of the live one. */
import { setTimeout as sleep } from 'node:timers/promises'
import { clientApi } from '../src/protocol/client-api.ts'
import { Refusal, Unreachable } from '../src/protocol/errors.ts'
import type { Id } from '../src/space/id.ts'
import { ask } from './client.ts'
import { contentFaults, type Held, listed, ringFaults, ringOrder } from './faults.ts'
import { openNetwork, survey } from './live.ts'
import { plural } from './render/text.ts'
import { networkOf } from './status.ts'
import { next, type Task } from './task.ts'
import { wholeNumber } from './words.ts'

const pollMs = 500
const pageSize = 1000

/** All that a node holds. */
const readContent = async (url: string): Promise<Held[]> => {
  const held: Held[] = []
  for (let after: string | undefined, more = true; more; ) {
    const page = await ask(url, clientApi.db, { limit: pageSize, ...(after === undefined ? {} : { after }) })
    held.push(...page.entries)
    after = page.next
    more = after !== undefined
  }
  return held
}

/** One look at everything. */
const examine = async () => {
  const booted = await openNetwork()
  const sightings = await survey(booted)
  const members = ringOrder(sightings).filter(({ info }) => info.state === 'ready')
  const network = networkOf(booted)
  const unread: string[] = []
  const held = new Map<Id, readonly Held[]>()
  await Promise.all(
    members.map(async ({ info }) => {
      try {
        held.set(info.id, await readContent(info.url))
      } catch (error) {
        if (!(error instanceof Unreachable || error instanceof Refusal)) throw error
        unread.push(`${info.name} does not show its content: ${error.message}`)
      }
    }),
  )
  const strangers = sightings.filter(({ condition }) => condition === 'foreign' || condition === 'dead')
  const violations = [...ringFaults(booted, sightings), ...unread]
  // Where records belong can be told of a whole ring only.
  if (violations.length === 0) violations.push(...contentFaults(held, network))
  return {
    violations,
    notes: [
      ...(members.length < network.replicas
        ? [`${plural(members.length, 'node')} for ${network.replicas} copies: each has one`]
        : []),
      ...strangers.map(({ entry }) => `${entry.name} is dead`),
    ],
    nodes: members.length,
    records: new Set([...held.values()].flat().map(({ key, index }) => `${key}/${index}`)).size,
  }
}

export const check: Task = {
  name: 'check',
  summary: 'the invariants over the live network; exit code 1 names those that do not hold',
  args: { '[seconds]': 'how long to wait for them (0)' },
  options: {},
  text: false,
  examples: ['check', 'check 30'],
  run: async ({ plain: [word = '0'], json }, terminal) => {
    const seconds = wholeNumber('seconds', word, 0, 86_400)
    const began = performance.now()
    const elapsed = () => (performance.now() - began) / 1000
    let found = await examine()
    while (found.violations.length > 0 && elapsed() < seconds) {
      if (!json)
        terminal.progress(
          `${Math.round(elapsed())} s · ${plural(found.violations.length, 'violation')}: ${found.violations[0]}`,
        )
      await sleep(pollMs)
      found = await examine()
    }
    const { violations, notes, nodes, records } = found
    const failed = violations.length > 0
    const { paint } = terminal
    return {
      lines: [
        ...(failed
          ? [paint.red(`✗ ${plural(violations.length, 'violation')} after ${Math.round(elapsed())} s`), ...listed(violations)]
          : [
              paint.green(
                `✓ ring ordered and ideal · ${plural(nodes, 'node')} · ${plural(records, 'record')}, each in its window, no orphan`,
              ),
            ]),
        ...notes.map((note) => paint.dim(`note: ${note}`)),
        next(...(failed ? ['check 30', 'status'] : ['monitor'])),
      ],
      data: { ok: !failed, violations, notes, nodes, records, seconds: elapsed() },
      failed,
    }
  },
}
