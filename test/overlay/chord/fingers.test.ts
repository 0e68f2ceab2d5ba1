/** What keeping the fingers costs, and that they are the right ones all the same. */
import { expect, test } from 'vitest'
import { Chord } from '../../../src/overlay/chord/chord.ts'
import { fingerStart, successorOf } from '../../../src/space/ring.ts'
import { World } from '../../../src/sim/world.ts'
import { nodeOf, replace, sorted, worldOf } from '../worlds.ts'

const nodes = 40
const settings = { replicas: 2, successors: 4 }
const rounds = 5

const chordOf = (world: World, id: string): Chord => {
  const overlay = world.host(id).node?.overlay
  if (!(overlay instanceof Chord)) throw new Error(`${id} is no node of a ring`)
  return overlay
}

/** Calls of `approach` from now on, at all nodes. */
const countApproaches = (world: World, ids: readonly string[]): { calls: number } => {
  const seen = { calls: 0 }
  for (const id of ids) {
    const handlers = chordOf(world, id).handlers
    const { approach } = handlers
    const served = world.host(id).node?.handlers as { approach: typeof approach }
    served.approach = (request) => {
      seen.calls++
      return approach(request)
    }
  }
  return seen
}

/** Fingers for which somebody has to be asked: one each time that the table names another node beyond the list. */
const asked = ({ table }: Chord): number => {
  const beyond = new Set([...table.fingers.values()].map(({ id }) => id))
  for (const { id } of table.successors) beyond.delete(id)
  return beyond.size
}

test('where nothing changes, a refresh is one call for each finger beyond the list', async () => {
  const world = new World({ seed: 4, settings })
  const ids = await world.boot(nodes)
  const everyMs = world.host(ids[0] ?? '').node?.config.refreshFingersEveryMs ?? 0
  await world.run(10 * everyMs)
  const seen = countApproaches(world, ids)
  await world.run(rounds * everyMs)
  const wanted = ids.reduce((sum, id) => sum + asked(chordOf(world, id)), 0)
  expect(wanted).toBeGreaterThan(nodes)
  // A round more or less of each node falls into the time.
  expect(seen.calls).toBeLessThanOrEqual((rounds + 1) * wanted)
  expect(seen.calls).toBeGreaterThanOrEqual((rounds - 1) * wanted)
})

test('who announced a finger and is gone, or has someone after it now, misleads nobody', async () => {
  const world = new World({ seed: 5, settings })
  const ids = await world.boot(nodes)
  await world.run(20_000)
  for (const id of ids.filter((_, at) => at % 7 === 3)) if (world.law.mayFail(id)) world.crash(id)
  for (let more = 0; more < 8; more++) world.add()
  await world.run(60_000)
  const ring = world
    .members()
    .map((id) => ({ id }))
    .sort((a, b) => (a.id < b.id ? -1 : 1))
  for (const { id } of ring)
    for (const [index, finger] of chordOf(world, id).table.fingers)
      expect([index, finger.id]).toEqual([index, ring[successorOf(ring, fingerStart(id, index))]?.id])
})

test('who announced a finger and is silent is not asked the same again in one refresh', async () => {
  const lines: string[] = []
  const world = new World({ seed: 4, settings, log: (line) => void lines.push(line) })
  const ids = await world.boot(nodes)
  const everyMs = world.host(ids[0] ?? '').node?.config.refreshFingersEveryMs ?? 0
  let count = 0
  for (const id of ids.slice(0, 6)) {
    await world.run(10 * everyMs)
    const { url } = world.host(id)
    world.host(id).pause(everyMs - 100)
    lines.length = 0
    await world.run(everyMs)
    // `7000 http://… > http://… approach {"id":…}`
    const questions = lines.filter((line) => line.includes(` > ${url} approach `)).map((line) => line.replace(/^\S+ /, ''))
    expect(questions).toEqual([...new Set(questions)])
    count += questions.length
  }
  expect(count).toBeGreaterThan(20)
})

test('one that takes itself for the last before every point costs the others no finger but one', async () => {
  const world = await worldOf('chord', 128)
  await world.run(20_000)
  const ids = sorted(world)
  const counts = () => ids.map((id) => chordOf(world, id).table.fingers.size)
  const before = counts()
  const liar = ids[64] ?? ''
  replace(nodeOf(world, liar), ['approach'], () => ({ final: true, peers: [world.peer(liar)] }))
  await world.run(20_000)
  const after = counts()
  expect(ids.filter((id, at) => id !== liar && (after[at] ?? 0) < (before[at] ?? 0) - 1)).toEqual([])
})
