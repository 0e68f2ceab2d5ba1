/** What a node says that it has kept, or dropped, is so on its disk. */
import { expect, test } from 'vitest'
import { everywhere } from '../../src/content/records.ts'
import { hash } from '../../src/service/hash.ts'
import { Disk, Mount } from '../../src/sim/disk.ts'
import { Arcs } from '../../src/space/arcs.ts'
import { Manual } from '../sim/manual.ts'
import { type StillNode, StillRing } from './still-ring.ts'

const value = 'hello'
const key = hash(value)
const record = {
  key,
  index: `v:${key}`,
  value,
  contentType: 'text/plain',
  version: { hlc: `${(1_700_000_000_000).toString(16).padStart(12, '0')}0000`, origin: 'a' },
}

/** One of a ring whose nodes have disks: so many places after the owner of the key. */
const mounted = (place: number) => {
  const spindle = new Manual()
  const disks: Disk[] = []
  const ring = new StillRing(6, 'fingers', 0, () => {
    const disk = new Disk()
    disks.push(disk)
    return new Mount(disk, spindle)
  })
  const node = ring.line(key, 6)[place] as StillNode
  const { durable } = disks[ring.nodes.indexOf(node)] as Disk
  return { node, spindle, durable, now: ring.now }
}

/** Whether there is an answer once all has been done that waits for no disk. */
const watch = async (work: unknown) => {
  const watched = { isAnswered: false, answer: Promise.resolve(work) }
  void watched.answer.then(() => (watched.isAnswered = true))
  for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate)
  return watched
}

test.each<[how: string, give: (node: StillNode) => unknown]>([
  ['that is written with care', ({ content }) => content.handlers.insert({ key, record, with: [] })],
  ['that is written with others', ({ me, content }) => content.handlers.keep({ records: [record], with: [me.id] })],
  ['that is given by another', ({ content }) => content.handlers.merge({ records: [record], keep: 'held' })],
])('a record %s is on the disk before that is answered', async (_, give) => {
  const { node, spindle, durable } = mounted(0)
  const watched = await watch(give(node))
  expect([watched.isAnswered, durable.size]).toEqual([false, 0])
  spindle.endAll()
  await watched.answer
  expect(durable.scan('', 2)).toEqual([record])
})

test('a record that others have by now is gone from the disk before it is said to be dropped', async () => {
  const { node, spindle, durable, now } = mounted(5)
  const { handlers, rehoming } = node.content
  const given = await watch(handlers.insert({ key, record, with: [] }))
  spindle.endAll()
  await given.answer
  expect(durable.size).toBe(1)
  const all = everywhere(key.length)
  rehoming.entrusted.begin()
  rehoming.entrusted.note(all, Arcs.of([all]), now)
  const watched = await watch(handlers.forget({ key }))
  expect([watched.isAnswered, durable.size]).toEqual([false, 1])
  spindle.endAll()
  await watched.answer
  expect(durable.size).toBe(0)
})

test('what others have by now is counted on again once one that goes leaves that arc to this node', async () => {
  const { node, spindle, now } = mounted(5)
  const { handlers, rehoming } = node.content
  const given = await watch(handlers.insert({ key, record, with: [] }))
  spindle.endAll()
  await given.answer
  const all = everywhere(key.length)
  rehoming.entrusted.begin()
  rehoming.entrusted.note(all, Arcs.of([all]), now)
  expect(rehoming.entrusted.has(key)).toBe(true)
  await handlers.merge({ records: [], keep: 'all', inherited: { complete: [all], witnessed: [] } })
  expect(rehoming.entrusted.has(key)).toBe(false)
  await expect(handlers.forget({ key })).rejects.toMatchObject({ code: 'STILL_OWNED' })
})

test('a stamp that is far ahead is taken from nobody who writes, unless soon after one that is here', async () => {
  const { content } = new StillRing(3, 'fingers').nodes[0] as StillNode
  const { handlers, holdings } = content
  const ahead = (ms: number) => {
    const hlc = `${(holdings.now + ms).toString(16).padStart(12, '0')}0000`
    return { ...record, version: { hlc, origin: 'a' } }
  }
  const keep = (ms: number) => handlers.keep({ records: [ahead(ms)], with: [] })
  const insert = async (ms: number) => handlers.insert({ key, record: ahead(ms), with: [] })
  await keep(600_000)
  await expect(insert(600_000)).rejects.toMatchObject({ code: 'STAMP_AHEAD' })
  expect(holdings.read({ key })).toEqual([])
  // As one gives it who has kept it.
  holdings.intake.take(ahead(600_000))
  await keep(1_000_000)
  await expect(insert(1_000_000)).rejects.toMatchObject({ code: 'STAMP_AHEAD' })
  expect(holdings.read({ key })).toEqual([ahead(600_000)])
  await keep(600_001)
  expect(await insert(600_002)).toMatchObject({ version: ahead(600_002).version })
  expect(holdings.read({ key })).toEqual([ahead(600_002)])
})
