/** Rings of one network that find each other: the smaller gives way. */
import { expect, test } from 'vitest'
import { nodeOf, replace, sorted, worldOf } from '../worlds.ts'

/** Whoever gives its ring up, by url. */
const yielding = () => {
  const by = new Set<string>()
  const log = (line: string) => {
    const [, url] = /^\d+ (\S+) info ring given up/.exec(line) ?? []
    if (url) by.add(url)
  }
  return { by, log }
}

test.each([
  ['the smaller', 3, 0],
  ['the one of which a single node has outlived the rest', 7, 6],
])('of two rings, %s gives way, whatever their ids', async (_who, count, dead) => {
  const { by, log } = yielding()
  const world = await worldOf('chord', 12, {}, log)
  const ids = sorted(world)
  // Of two rings of one size these would stay: the first node after zero is theirs.
  const [apart, rest] = [ids.slice(0, count), ids.slice(count)]
  world.partition(apart, rest)
  await world.run(60_000)
  by.clear()
  for (const id of apart.slice(0, dead)) world.crash(id)
  world.heal()
  await world.call(rest[0] ?? '', 'meet', world.peer(apart[count - 1] ?? ''))
  await world.settle()
  const urls = rest.map((id) => world.host(id).url)
  expect([...by].filter((url) => urls.includes(url))).toEqual([])
})

test('one that names a node of ours sixty times has no large ring', async () => {
  const { by, log } = yielding()
  const world = await worldOf('chord', 12, {}, log)
  const [liar = '', ...rest] = sorted(world)
  world.partition([liar], rest)
  await world.run(60_000)
  by.clear()
  const [self, other] = [world.peer(liar), world.peer(rest[5] ?? '')]
  replace(nodeOf(world, liar), ['neighborhood'], () => ({
    self,
    predecessor: other,
    successors: Array.from({ length: 60 }, () => other),
  }))
  world.heal()
  await world.call(rest[0] ?? '', 'meet', self)
  await world.run(100)
  expect([...by].filter((url) => url !== self.url)).toEqual([])
})
