/** Rings of one network that find each other: the smaller gives way. */
import { expect, test } from 'vitest'
import { nodeOf, replace, sorted, worldOf } from '../worlds.ts'

test.each([
  ['the smaller', 3, 0],
  ['of most, who died a moment ago, the last', 7, 6],
])('of two rings, %s gives way, whatever their ids', async (_who, count, dead) => {
  const by = new Set<string>()
  const world = await worldOf('chord', 12, {}, (line) => {
    const [, url] = /^\d+ (\S+) info ring given up/.exec(line) ?? []
    if (url) by.add(url)
  })
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

test('one that names the same node, or ours, as many of its ring does not make it large', async () => {
  const by = new Set<string>()
  const world = await worldOf('chord', 12, {}, (line) => {
    const [, url] = /^\d+ (\S+) info ring given up/.exec(line) ?? []
    if (url) by.add(url)
  })
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
