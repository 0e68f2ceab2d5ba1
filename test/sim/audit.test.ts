/** That what must hold of content is seen when it does not. */
import { expect, test } from 'vitest'
import { keyOf } from '../../src/content/record.ts'
import type { NodeApi } from '../../src/node/api.ts'
import { Refusal } from '../../src/protocol/errors.ts'
import type { Reply } from '../../src/protocol/rpc.ts'
import type { StoredRecord } from '../../src/protocol/schemas.ts'
import type { Id } from '../../src/space/id.ts'
import { brokenPromises, misjudged, misplaced } from '../../src/sim/audit.ts'
import { Clients } from '../../src/sim/clients.ts'
import type { Host } from '../../src/sim/host.ts'
import type { Register, Write } from '../../src/sim/register.ts'
import { World } from '../../src/sim/world.ts'

/** Six nodes, and three of them with one value. */
const kept = async (seed: number) => {
  const world = new World({ seed })
  const ids = await world.boot(6)
  const clients = new Clients(world)
  const stored = clients.store(ids[0] ?? '', 'hello')
  await world.until(
    () => stored.state === 'answered' && misplaced(world).length === 0,
    30_000,
    () => [stored.state, ...misplaced(world)].join('\n'),
  )
  const [register] = world.ledger.registers
  if (!register?.newest) throw new Error('nothing is promised')
  const { index } = register
  const key = keyOf(index, world.config.bits)
  const holders = [...world.window(key)]
  const others = world.running().filter((host) => !holders.includes(host))
  const newest: Write = register.newest
  return { world, clients, index, key, newest, holders, others }
}

const recordAt = ({ store }: Host, key: Id): StoredRecord => store.read(key)[0] as StoredRecord
const idOf = (host: Host | undefined): Id => host?.id ?? ''

test('a record that is not at one of its window, one that is elsewhere, and one of another version', async () => {
  const { world, key, index, holders, others } = await kept(1)
  const record = recordAt(holders[0] as Host, key)
  const short = index.slice(0, 8)
  holders[1]?.store.drop(key, index)
  others[0]?.store.write(record)
  holders[2]?.store.write({ ...record, version: { ...record.version, origin: '00' } })
  expect(misplaced(world)).toEqual([
    `${short}: Replicated: not at ${holders[1]?.url}`,
    `${short}: NoOrphans: still at ${others[0]?.url}`,
    expect.stringContaining(`${short}: Replicated: in versions`),
  ])
})

test('a holder may be lost as long as another is left; a repair makes good for it', async () => {
  const { world, newest, holders } = await kept(2)
  const [first, second, third] = holders.map(idOf) as [Id, Id, Id]
  expect([newest.copies, world.law.maySpare(first)]).toEqual([3, true])
  world.crash(first)
  expect(world.law.maySpare(second)).toBe(true)
  world.crash(second)
  expect(world.law.maySpare(third)).toBe(false)
  await world.until(
    () => world.law.maySpare(third),
    60_000,
    () => 'no repair',
  )
})

test('NoAckedLoss: the last copy is gone, and nobody was lost', async () => {
  const { world, key, index, holders, others } = await kept(3)
  for (const { store, disk } of holders) for (const copy of [store, disk.durable]) copy.drop(key, index)
  world.demanding = false
  world.crash(idOf(others[0]))
  world.crash(idOf(holders[0]))
  expect(world.ledger.writeOff()).toEqual([expect.stringContaining('NoAckedLoss: hello is lost, with 3 copies and 0 losses')])
})

/** The others ask one who lies, of what holders have. */
const asking = async (seed: number, code: 'INCONCLUSIVE' | 'NOT_FOUND', meanwhile: (world: World, holders: Host[]) => void) => {
  const { world, clients, holders, others } = await kept(seed)
  // Of what was just written nothing would be held against anyone.
  await world.run(6000)
  const liar = others[0] as Host
  const { handlers } = liar.node ?? {}
  if (!handlers) throw new Error('nobody lives there')
  handlers.lookupBy = () => {
    throw new Refusal(code, 'who knows')
  }
  meanwhile(world, holders)
  clients.look(idOf(liar), { value: 'hello' })
  await world.run(1000)
}

const goDark = (world: World, holders: Host[]) => {
  for (const host of holders) world.crash(idOf(host))
}

test('a node that says there is nothing is accused at once, and so is one that cannot say while somebody has it', async () => {
  await expect(asking(4, 'NOT_FOUND', () => undefined)).rejects.toThrow(/says that there is nothing, not hello; kept by http/)
  await expect(asking(4, 'INCONCLUSIVE', () => undefined)).rejects.toThrow(
    /says INCONCLUSIVE, not what was stored; kept by http/,
  )
})

test('so is one that finds nothing to delete, and one that stores what comes before what was acknowledged', async () => {
  const { world, clients, others, holders } = await kept(18)
  const { handlers } = others[0]?.node ?? {}
  if (!handlers) throw new Error('nobody lives there')
  const { store } = handlers
  handlers.store = async (request) => ({ ...(await store(request)), version: { hlc: '0'.repeat(16), origin: '00' } })
  clients.store(idOf(holders[0]), 'first', 'rose')
  await world.run(1000)
  clients.store(idOf(others[0]), 'second', 'rose')
  await expect(world.run(1000)).rejects.toThrow(/NoLostUpdate: first was acknowledged before/)
  const next = await kept(4)
  const liar = next.others[0] as Host
  if (!liar.node) throw new Error('nobody lives there')
  liar.node.handlers.removeBy = () => {
    throw new Refusal('NOT_FOUND', 'who knows')
  }
  next.clients.remove(idOf(liar), { value: 'hello' })
  await expect(next.world.run(1000)).rejects.toThrow(/says that there is nothing, not hello/)
})

test('when all who had it are gone nobody has to know it, and nobody may say at once that there is nothing', async () => {
  await expect(asking(4, 'NOT_FOUND', goDark)).rejects.toThrow(/says that there is nothing, not hello/)
  await asking(4, 'INCONCLUSIVE', goDark)
})

test('a read may not fail for a clock that was set meanwhile: no wait is measured by it', async () => {
  const set = (world: World, [first]: readonly Host[]) => world.setClock(idOf(first), 3600_000)
  await expect(asking(4, 'INCONCLUSIVE', set)).rejects.toThrow(/says INCONCLUSIVE, not what was stored/)
})

test('one whose disk is jammed is asked for nothing, and others may stand in for it', async () => {
  const { world, key, index, holders, others } = await kept(6)
  const [jammed, second] = holders as [Host, Host]
  const record = recordAt(second, key)
  world.jam(idOf(jammed))
  jammed.store.drop(key, index)
  others[0]?.store.write(record)
  expect(misplaced(world)).toEqual([])
  second.store.drop(key, index)
  expect(misplaced(world)).toEqual([expect.stringContaining(`Replicated: not at ${second.url}`)])
})

test('at rest a deleted value that is found again is a broken promise', async () => {
  const { world, clients, key, holders, others } = await kept(5)
  const record = recordAt(holders[0] as Host, key)
  expect(await brokenPromises(world)).toEqual([])
  clients.remove(idOf(others[0]), { value: 'hello' })
  await world.run(5000)
  expect(await brokenPromises(world)).toEqual([])
  for (const { store } of holders) store.write({ ...record, version: { ...record.version, hlc: '0fffffffffffffff' } })
  const broken = await brokenPromises(world)
  expect(broken).toHaveLength(2)
  expect(broken[0]).toContain('says hello, not nothing')
})

test('someone who is gone and is thought alive, someone who is there and is not known, one who is suspected', async () => {
  const world = new World({ seed: 6, settings: { membership: 'local' } })
  const [first = '', second = ''] = await world.boot(3)
  await world.until(
    () => misjudged(world).length === 0,
    10_000,
    () => misjudged(world).join('\n'),
  )
  world.demanding = false
  world.crash(second)
  const gone = world.host(second).url
  expect(misjudged(world)).toEqual(world.running().map(({ url }) => `${url} has ${gone} as alive`))
  await world.until(
    () => misjudged(world).some((wrong) => wrong === `${world.host(first).url} has ${gone} as suspect`),
    10_000,
    () => misjudged(world).join('\n'),
  )
  world.restart(second, [])
  expect(misjudged(world)).toContain(`${gone} does not know of ${world.host(first).url}`)
})

/** As if nobody had ever written it there. */
const forget = (hosts: readonly Host[], key: Id, index: string) => {
  for (const { store, disk } of hosts) for (const copy of [store, disk.durable]) copy.drop(key, index)
}

test('a disk that is up again is not lost any more', async () => {
  const { world, newest, holders } = await kept(7)
  const id = idOf(holders[0])
  world.crash(id)
  expect(newest.lost.size).toBe(1)
  world.restart(id)
  expect(newest.lost.size).toBe(0)
})

test('NoAckedLoss: fewer copies were lost than were promised, though one of them may come back', async () => {
  const { world, key, index, holders } = await kept(8)
  forget(holders.slice(1), key, index)
  world.crash(idOf(holders[0]))
  await expect(world.run(1)).rejects.toThrow(
    /NoAckedLoss: hello is lost, with 3 copies and 1 losses; kept by http:\S+ \(down\)/,
  )
})

test('NoAckedLoss: those who run have dropped it, though their disks still have it', async () => {
  const { world, key, index, holders } = await kept(9)
  for (const { store } of holders) store.drop(key, index)
  expect(world.ledger.writeOff()).toEqual([expect.stringContaining('NoAckedLoss: hello is lost')])
})

test('NoAckedLoss: a deletion is to be kept as well, until all may forget it', async () => {
  const { world, clients, key, index, holders, others } = await kept(10)
  clients.remove(idOf(others[0]), { value: 'hello' })
  await world.run(5000)
  expect(world.ledger.writeOff()).toEqual([])
  forget(holders, key, index)
  expect(world.ledger.writeOff()).toEqual([expect.stringContaining('NoAckedLoss: its deletion is lost')])
})

test.each([true, false])('all copies were lost: where nothing may ever be, that is told: %s', async (strict) => {
  const { world, holders } = await kept(11)
  world.ledger.strict = strict
  goDark(Object.assign(world, { demanding: false }), holders)
  expect(world.ledger.writeOff()).toEqual(strict ? [expect.stringContaining('with 3 copies and 3 losses')] : [])
})

test('NoLostUpdate: what is acknowledged comes before what was acknowledged before it', async () => {
  const { world } = await kept(12)
  const { ledger } = world
  const [register] = ledger.registers as [Register]
  const late = register.begin(null, ledger.tick())
  expect(ledger.acknowledge(register, late, 3, { hlc: '0'.repeat(16), origin: '00' })).toEqual([
    expect.stringContaining('NoLostUpdate: hello was acknowledged before, and is the later version'),
  ])
})

test.each([
  [0, 3],
  [2, 3],
  [3, 0],
])('an acknowledgement of three copies, of which %i were lost before it came, promises %i', async (losses, promised) => {
  const { world, newest, holders } = await kept(13)
  const { ledger } = world
  const [register] = ledger.registers as [Register]
  const write = register.begin('hello', ledger.tick())
  for (const { disk } of holders.slice(0, losses)) ledger.lose(disk)
  ledger.acknowledge(register, write, 3, newest.version)
  expect(write.copies).toBe(promised)
})

test('a copy at a node that does not know that it should hold it repairs nothing', async () => {
  const { world, key, newest, holders } = await kept(14)
  world.crash(idOf(holders[0]))
  await world.until(
    () => misplaced(world).length === 0,
    60_000,
    () => misplaced(world).join('\n'),
  )
  const { overlay } = world.window(key)[0]?.node ?? {}
  if (!overlay) throw new Error('nobody lives there')
  const { cells } = overlay
  overlay.cells = () => []
  world.ledger.repair()
  expect(newest.lost.size).toBe(1)
  overlay.cells = cells
  world.ledger.repair()
  expect([newest.lost.size, newest.copies]).toEqual([0, 3])
})

test('whoever is about to go counts as gone: the last one beside it may not be lost', async () => {
  const { world, holders } = await kept(15)
  const [first, second, third] = holders.map(idOf) as [Id, Id, Id]
  world.crash(first)
  expect(world.law.maySpare(third)).toBe(true)
  world.leave(second)
  expect(world.law.maySpare(third)).toBe(false)
})

test('at rest nobody may say that it cannot tell, not even one whose disk is jammed', async () => {
  const { world, holders } = await kept(16)
  const liar = holders[0] as Host
  world.jam(idOf(liar))
  expect(await brokenPromises(world)).toEqual([])
  const { handlers } = liar.node ?? {}
  if (!handlers) throw new Error('nobody lives there')
  handlers.lookupBy = () => {
    throw new Refusal('INCONCLUSIVE', 'who knows')
  }
  expect(await brokenPromises(world)).toContainEqual(expect.stringContaining(`${liar.id} says INCONCLUSIVE, not hello`))
})

test('one who does not say that all is there, and one who has another at a wrong address', async () => {
  const world = new World({ seed: 17, settings: { membership: 'local' } })
  await world.boot(3)
  const sound = () => [...misplaced(world), ...misjudged(world)]
  await world.until(
    () => sound().length === 0,
    30_000,
    () => sound().join('\n'),
  )
  const [one, other] = world.running() as [Host, Host]
  if (!one.node) throw new Error('nobody lives there')
  const { node, url } = one
  const { info } = node
  node.info = () => ({ ...info.call(node), content: { ...info.call(node).content, complete: false } })
  const { members } = node.handlers.members({}) as Reply<NodeApi['members']>
  node.handlers.members = () => ({ members: members.map((it) => (it.id === other.id ? { ...it, url: `${it.url}0` } : it)) })
  expect(sound()).toEqual([`${url} does not say that all is there`, `${url} does not know of ${other.url}`])
})
