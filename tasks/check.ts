/** `check`: what must hold of the whole network, asked of the live one. */
import { setTimeout as sleep } from 'node:timers/promises'
import { kindOf } from '../src/overlay/overlays.ts'
import { clientApi } from '../src/protocol/client-api.ts'
import { Refusal, Unreachable } from '../src/protocol/errors.ts'
import { type Id, shortId } from '../src/space/id.ts'
import { ask } from './client.ts'
import { catchingUp, type Content, inspectContent, type Held, listed, ringFaults, ringOrder } from './faults.ts'
import { isSilent, isStranger, openNetwork, type Running, surveyAll, wayWithSilent } from './live.ts'
import { copiesAmong, networkOf } from './render/status.ts'
import { fold, hundredths, plural } from './render/text.ts'
import { next, type Task } from './task.ts'
import { wholeNumber } from './words.ts'

const pollS = 0.5
const pageSize = 1000

/** All that a node holds. */
const readContent = async (url: string): Promise<Held[]> => {
  const held: Held[] = []
  for (let after: string | undefined, more = true; more; ) {
    const page = await ask(url, clientApi.db, { limit: pageSize, ...(after === undefined ? {} : { after }) })
    for (const { key, index, size, preview, version } of page.entries) held.push({ key, index, size, preview, version })
    if (page.next !== undefined && after !== undefined && page.next <= after)
      throw new Unreachable(url, 'pages that do not lead on')
    after = page.next
    more = after !== undefined
  }
  return held
}

/** What the members hold, by id, and who did not show it. */
const readAll = async (members: readonly Running[]) => {
  const held = new Map<Id, readonly Held[]>()
  const unread: string[] = []
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
  return { held, unread }
}

/** What is being written while the nodes are looked at, one after the other, is no fault: a second look finds it in its place. */
const lastingFaults = async (members: readonly Running[], network: ReturnType<typeof networkOf>, { faults }: Content) => {
  const known = new Set(faults.map(({ of }) => of))
  const { held, unread } = await readAll(members)
  return [...unread, ...inspectContent(held, network).faults.flatMap(({ of, text }) => (known.has(of) ? [text] : []))]
}

/**
 * One look at everything. Where records belong can be told of a whole ring only; and as long as nodes are catching up their
 * content is read only when `thorough`, for that takes time from them.
 */
const examine = async (thorough: boolean) => {
  const booted = await openNetwork()
  const { sightings } = await surveyAll(booted)
  const members = ringOrder(sightings).filter(({ info }) => info.state === 'ready')
  const network = networkOf(booted)
  const silent = sightings.filter(isSilent)
  const gone = sightings.filter(({ condition }) => condition === 'foreign' || condition === 'dead')
  const counted = copiesAmong(
    members.map(({ info }) => info.content),
    network.replicas,
  )
  const violations = ringFaults(booted, sightings)
  const found = {
    shape: kindOf(network.overlay).shape,
    violations,
    notes: [
      ...(members.length > 0 && members.length < network.replicas
        ? [`${plural(members.length, 'node')} for ${network.replicas} copies: each has one`]
        : []),
      ...(silent.length > 0 ? [wayWithSilent(silent)] : []),
      ...gone.map(({ entry: { name, id, pid }, condition }) =>
        condition === 'foreign'
          ? `${name} is gone: process ${pid} is another now`
          : violations.some((text) => text.includes(shortId(id)))
            ? `${name} is dead, and others have yet to drop ${shortId(id)}: that takes seconds`
            : `${name} is dead`,
      ),
      ...members
        .filter(({ info }) => info.content.full)
        .map(
          ({ info: { name } }) =>
            `${name} has no room for more, on its disk or within its quota: make some, delete something, or add nodes`,
        ),
      ...sightings.filter(isStranger).map(({ entry }) => `${entry.name} at ${entry.url} is a member that no task has started`),
    ],
    /** Whether there is none to look at, and none to wake. */
    allGone: members.length + silent.length === 0,
    nodes: members.length,
    records: counted.values,
    copies: counted.there,
  }
  if (violations.length > 0) return found
  const behind = catchingUp(members)
  if (behind.length > 0 && !thorough) return { ...found, violations: behind }
  const { held, unread } = await readAll(members)
  if (unread.length > 0) return { ...found, violations: [...behind, ...unread] }
  const content = inspectContent(held, network)
  const lasting = content.faults.length === 0 ? [] : await lastingFaults(members, network, content)
  return { ...found, violations: [...behind, ...lasting], records: content.records, copies: content.copies }
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
    let found: Awaited<ReturnType<typeof examine>>
    for (let tookS = 0, pauseS = pollS; ; await sleep(pauseS * 1000)) {
      const before = elapsed()
      const last = before + tookS + pauseS >= seconds
      found = await examine(last)
      if (found.violations.length === 0 || last) break
      tookS = elapsed() - before
      // Half of the time at least belongs to those who are looked at, until it is up.
      pauseS = Math.min(Math.max(pollS, tookS), Math.max(0, seconds - elapsed() - tookS))
      const count = plural(found.violations.length, 'violation')
      if (!json) terminal.progress(`${Math.round(elapsed())} s · ${count}: ${found.violations[0]}`)
    }
    const { shape, violations, notes, allGone, nodes, records, copies } = found
    const failed = violations.length > 0
    const { paint } = terminal
    return {
      lines: [
        ...(failed
          ? [
              paint.red(`✗ ${plural(violations.length, 'violation')} after ${Math.round(elapsed())} s`),
              ...listed(violations, { columns: terminal.columns }),
            ]
          : [
              `✓ ${shape} ordered and ideal · ${plural(nodes, 'node')} · ${plural(records, 'record')}, each in its window, no orphan`,
              `✓ ${plural(copies, 'copy', 'copies')}, those of a record in one version · every node is up to date`,
            ].flatMap((line) => fold(line, ' · ', terminal.columns).map(paint.green))),
        ...notes.map((note) => paint.dim(`note: ${note}`)),
        next(...(allGone ? ['restart all', 'killall'] : failed ? ['check 30', 'status'] : ['monitor'])),
      ],
      data: { ok: !failed, violations, notes, nodes, records, copies, seconds: hundredths(elapsed()) },
      failed,
    }
  },
}
