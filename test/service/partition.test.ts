/** A network that is cut and healed: each part goes on by itself, and afterwards there is one that has all that either has taken. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest'
import { checkIdeal, checkRing, ringOf } from '../../src/overlay/chord/invariants.ts'
import type { Found, Member, NodeInfo, Written } from '../../src/protocol/client-api.ts'
import { Keyring } from '../../src/service/keyring.ts'
import { shortId } from '../../src/space/id.ts'
import { send } from './asking.ts'
import { freePort } from '../ports.ts'
import { eventually, type Live, startNode } from './live.ts'
import { Proxies } from './proxy.ts'

const keyring = new Keyring(() => 'a-secret-of-a-network')
const settings = {
  membership: 'local',
  callTimeoutMs: 750,
  operationTimeoutMs: 5000,
  stabilizeEveryMs: 250,
  refreshFingersEveryMs: 1000,
  reuniteEveryMs: 2000,
  rehomeEveryMs: 1000,
  successors: 5,
  allowCustomIds: true,
} as const
const writeEveryMs = 250

const proxies = new Proxies()
/** In ring order, at even distances: any three in a row are the window of a sixth of all keys. */
const nodes: Live[] = []
beforeAll(async () => {
  for (const digit of '13579b') {
    const id = digit.repeat(40)
    const port = await freePort()
    const url = await proxies.open(id, port)
    nodes.push(await startNode({ ...settings, id, url }, nodes.slice(0, 1), keyring, port))
  }
})
afterEach(() => proxies.heal())
afterAll(async () => {
  proxies.close()
  await Promise.all(nodes.map((node) => node.stop()))
})

/** Asks until there are none. */
const without = (faults: () => Promise<string[]>, withinMs: number) =>
  expect.poll(faults, { timeout: withinMs, interval: 250 }).toEqual([])

/** An answer that tells more than to ask again. */
const ask = (node: Live, method: string, path: string, body?: object) =>
  eventually(
    () => send(node.url, { method, path }, { body: body && JSON.stringify(body) }),
    ({ status }) => status !== 503,
  )
const read = async <T>(node: Live, path: string) => JSON.parse((await ask(node, 'GET', path)).text) as T
const infosOf = (part: readonly Live[]) => Promise.all(part.map((node) => read<NodeInfo>(node, '/nodeinfo')))

/** Whom these nodes take for alive besides each other, and whom of each other not. */
const misjudged = async (part: readonly Live[]): Promise<string[]> => {
  const ids = part.map(({ me }) => me.id)
  const found = part.map(async (node) => {
    const { members } = await read<{ members: Member[] }>(node, '/members')
    return members
      .filter(({ id, state }) => (state === 'alive') !== ids.includes(id))
      .map(({ id, state }) => `to ${shortId(node.me.id)} ${shortId(id)} is ${state}`)
  })
  return (await Promise.all(found)).flat()
}

/** Why these nodes are not the one ring that they can be by themselves. */
const unringed = async (part: readonly Live[]): Promise<string[]> => {
  const infos = await infosOf(part)
  const ring = ringOf(new Map(infos.map((info) => [info.id, info])))
  return [
    ...infos.filter(({ state }) => state !== 'ready').map(({ id, state }) => `${shortId(id)} is ${state}`),
    ...checkRing(ring),
    ...checkIdeal(ring, settings.successors),
  ]
}

/** Which of these nodes cannot tell yet that it has all that it should. */
const incomplete = async (part: readonly Live[]): Promise<string[]> =>
  (await infosOf(part)).filter(({ content }) => !content.complete).map(({ id }) => `${shortId(id)} may lack content`)

/** Why these nodes are not a network by themselves that is at rest. */
const faultsOf = async (part: readonly Live[]): Promise<string[]> =>
  (await Promise.all([misjudged(part), unringed(part), incomplete(part)])).flat()

const store = (node: Live, body: object) => ask(node, 'POST', '/store', body)
const pathTo = (value: string) => `/lookup?value=${encodeURIComponent(value)}`
const valueOf = async (name: string, node: Live) => (await read<Found>(node, `/lookup?name=${name}`)).values[0]?.value

/** Which of these values is not there, and through which node. */
const missing = async (values: readonly string[], part: readonly Live[]): Promise<string[]> => {
  const found = part.map(async (node) => {
    const lacks: string[] = []
    for (const value of values) {
      const { status } = await ask(node, 'GET', pathTo(value))
      if (status !== 200) lacks.push(`${status} for ${value} through ${shortId(node.me.id)}`)
    }
    return lacks
  })
  return (await Promise.all(found)).flat()
}

/** A client of each node, which stores one value after the other. */
class Writers {
  readonly acknowledged: string[] = []
  /** Other answers than that a value is stored. */
  readonly refusals: number[] = []
  readonly #work: Promise<void>[]
  #over = false

  constructor(what: string) {
    this.#work = nodes.map(async (node) => {
      for (let number = 0; !this.#over; number++) {
        const value = `${what} ${number} through ${shortId(node.me.id)}`
        const { status } = await send(node.url, { method: 'POST', path: '/store' }, { body: JSON.stringify({ value }) })
        if (status === 201) this.acknowledged.push(value)
        else this.refusals.push(status)
        await sleep(writeEveryMs)
      }
    })
    onTestFinished(() => this.stop())
  }

  async stop(): Promise<void> {
    this.#over = true
    await Promise.all(this.#work)
  }

  /** What was acknowledged is there, and what was not was refused as a thing of the moment. */
  async review(): Promise<void> {
    await this.stop()
    expect(this.acknowledged.length).toBeGreaterThan(nodes.length)
    expect(await missing(this.acknowledged, nodes)).toEqual([])
    expect(this.refusals.filter((status) => status !== 503)).toEqual([])
    expect(nodes.flatMap(({ lines }) => lines.filter(({ level }) => Number(level) >= 50))).toEqual([])
  }
}

const cutApart = (halves: readonly [readonly Live[], readonly Live[]]): void => {
  const [left, right] = halves
  proxies.cut(left, right)
  proxies.cut(right, left)
}

test('two halves that each have a copy of everything go on, and become one network that has all of both', {
  timeout: 120_000,
}, async () => {
  const halves = [nodes.filter((_, at) => at % 2 === 0), nodes.filter((_, at) => at % 2 === 1)] as const
  const [left, right] = halves
  const [someLeft, someRight] = nodes as [Live, Live]
  await without(() => faultsOf(nodes), 30_000)
  for (const name of ['contested', 'doomed'])
    expect(await store(someLeft, { name, value: 'old' })).toMatchObject({ status: 201 })
  const writers = new Writers('of two halves')

  cutApart(halves)
  await Promise.all(halves.map((half) => without(() => misjudged(half), 20_000)))
  await Promise.all(halves.map((half) => without(() => faultsOf(half), 30_000)))
  for (const node of nodes) {
    const value = `of the half of ${shortId(node.me.id)}`
    expect(await store(node, { value })).toMatchObject({ status: 201 })
    expect(await missing([value], left.includes(node) ? left : right)).toEqual([])
    writers.acknowledged.push(value)
  }
  expect(await store(someLeft, { name: 'contested', value: 'left' })).toMatchObject({ status: 201 })
  expect(await store(someRight, { name: 'contested', value: 'right' })).toMatchObject({ status: 201 })
  for (const node of nodes) expect(await valueOf('contested', node)).toBe(left.includes(node) ? 'left' : 'right')
  expect(await ask(someLeft, 'DELETE', '/delete?name=doomed')).toMatchObject({ status: 200 })

  proxies.heal()
  await without(() => faultsOf(nodes), 30_000)
  for (const node of nodes) {
    expect(await valueOf('contested', node)).toBe('right')
    expect(await ask(node, 'GET', '/lookup?name=doomed')).toMatchObject({ status: 404 })
  }
  await writers.review()
})

test('the others do without one that nobody hears and one that hears nobody, and both come back', {
  timeout: 120_000,
}, async () => {
  const [mute, deaf, ...others] = nodes as [Live, Live, ...Live[]]
  await without(() => faultsOf(nodes), 30_000)
  const writers = new Writers('of one way')

  proxies.cut([mute], [deaf, ...others])
  proxies.cut([mute, ...others], [deaf])
  await without(() => misjudged(others), 20_000)
  await without(() => faultsOf(others), 30_000)

  proxies.heal()
  await without(() => faultsOf(nodes), 30_000)
  await writers.review()
})

test('what only the other half has is not said to be missing', { timeout: 120_000 }, async () => {
  const halves = [nodes.slice(0, 3), nodes.slice(3)] as const
  await without(() => faultsOf(nodes), 30_000)
  const values = new Map<string, Live[]>()
  for (let number = 0; values.size < 6; number++) {
    const value = `of one half ${number}`
    const { owner } = JSON.parse((await store(nodes[0] as Live, { value })).text) as Written
    const half = halves.find(([first]) => first?.me.id === owner.id)
    if (half) values.set(value, half)
  }
  const writers = new Writers('of halves apart')

  cutApart(halves)
  await Promise.all(halves.map((half) => without(() => misjudged(half), 20_000)))
  await Promise.all(halves.map((half) => without(() => unringed(half), 30_000)))
  const answers = [...values].flatMap(([value, half]) =>
    nodes.map(async (node) => {
      const { status } = await send(node.url, { method: 'GET', path: pathTo(value) })
      return status === (half.includes(node) ? 200 : 503) ? [] : [`${status} for ${value} through ${shortId(node.me.id)}`]
    }),
  )
  expect((await Promise.all(answers)).flat()).toEqual([])

  proxies.heal()
  await without(() => faultsOf(nodes), 30_000)
  writers.acknowledged.push(...values.keys())
  await writers.review()
})
