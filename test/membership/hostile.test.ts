/**
 * Whatever a member says in packets or in an exchange, as long as its form is right: it ends nobody, it fills no table beyond its
 * bounds, and those who are there find each other again when it falls silent. Words of wrong form are the codec's matter.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { membersMost, memberStates, type Packet, type Update } from '../../src/protocol/packets.ts'
import { epochMs } from '../../src/sim/host.ts'
import { Group, replayed } from './group.ts'

const size = 3
const ids = ['00', '01', '02', '7e', '7f']
const urls = ['http://10.0.0.1:1', 'http://10.0.0.1:2', 'http://10.0.0.1:3', 'http://10.0.0.7:7', 'http://rose.example']
/** How far clocks may differ. */
const skewMs = 2 ** 42

const incarnation = fc.oneof(
  fc.constantFrom(0, 1, epochMs - 1, epochMs, epochMs + 1, epochMs + skewMs, epochMs + 2 * skewMs, Number.MAX_SAFE_INTEGER),
  fc.nat(),
  fc.integer({ min: epochMs, max: epochMs + 100_000 }),
)
const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
const update: fc.Arbitrary<Update> = fc.record(
  {
    id: fc.constantFrom(...ids),
    url: fc.constantFrom(...urls),
    incarnation,
    state: fc.constantFrom(...memberStates),
    from: fc.constantFrom(...ids),
    meta: fc.record({ name, overlay: name, version: name, tags: fc.dictionary(fc.constantFrom('a', 'b'), name) }),
  },
  { requiredKeys: ['id', 'url', 'incarnation', 'state'] },
)
const updates = fc.array(update, { maxLength: 8 })
const seq = fc.oneof(fc.nat(1_000_100), fc.constant(Number.MAX_SAFE_INTEGER))
const question = { seq, target: fc.constantFrom(...ids), updates }
const packet: fc.Arbitrary<Packet> = fc.oneof(
  fc.record({ type: fc.constantFrom('ping', 'pingReq', 'nack'), ...question }),
  fc.record({ type: fc.constant('ack'), ...question, now: seq }),
  fc.record({ type: fc.constant('gossip'), updates }),
)
/** Who says what to whom, when. */
const word = fc.record({
  to: fc.nat(size - 1),
  sender: fc.record({ id: fc.constantFrom(...ids), url: fc.constantFrom(...urls), incarnation }),
  said: fc.oneof(packet, fc.array(update, { minLength: 1, maxLength: 8 })),
  gapMs: fc.constantFrom(0, 0, 1, 100, 3000),
})

/** An earlier system was ended by one acknowledgement of something it had never said. */
test('no packet and no exchange throws, ends a node, or keeps it from its peers for ever', () =>
  fc.assert(
    fc.asyncProperty(fc.integer(), fc.array(word, { maxLength: 12 }), async (seed, words) => {
      const group = new Group({ seed, size, options: { membership: 'local', tombstoneMs: 20_000 } })
      group.begin()
      await group.run(1000)
      for (const { to, sender, said, gapMs } of words) {
        const { swim } = group.processes[to] as (typeof group.processes)[number]
        if (Array.isArray(said)) await swim.handlers.sync({ members: said })
        else swim.hear(said, sender)
        await group.run(gapMs)
      }
      const mutual = () =>
        group.processes.every(({ swim }) => group.processes.every(({ peer }) => swim.get(peer.id)?.state === 'alive'))
      await group.until(
        () => mutual() && group.processes.every(({ peer, self }) => self.state === 'alive' && self.url === peer.url),
        180_000,
        () =>
          JSON.stringify(group.processes.map(({ swim }) => swim.members().map(({ id, url, state }) => ({ id, url, state })))),
      )
      for (const { peer, swim, self, events } of group.processes) {
        expect(swim.members().length).toBeLessThanOrEqual(ids.length)
        const others = swim.members().filter(({ id }) => id !== peer.id)
        expect(new Map(others.map((one) => [one.id, one]))).toEqual(replayed(events, peer.id))
        expect(self.incarnation).toBeLessThanOrEqual(epochMs + group.nowMs + 2 * skewMs)
      }
    }),
    { numRuns: 60 },
  ))

test('a flood of members that are none leaves room for no more than a table holds', async () => {
  const group = new Group({ seed: 1, size: 2, options: { membership: 'local' } })
  await group.gather()
  const [victim, flooder] = group.processes as [(typeof group.processes)[number], (typeof group.processes)[number]]
  const sender = { ...flooder.peer, incarnation: flooder.incarnation }
  for (let number = 0; number < 2 * membersMost; number += 64) {
    const strangers = Array.from({ length: 64 }, (_, at) => ({
      id: (0x1000 + number + at).toString(16),
      url: 'http://10.9.9.9:9',
      incarnation: epochMs,
      state: 'suspect' as const,
    }))
    victim.swim.hear({ type: 'gossip', updates: strangers }, sender)
  }
  expect(victim.swim.members()).toHaveLength(2)
  expect(victim.swim.drops.get('full')).toBeGreaterThan(membersMost / 2)
  await group.run(10_000)
  expect(group.isWhole).toBe(true)
})

// It answered each with one more, until others took its refutations for implausible, and had it dead for good.
test('whoever lives can refute each accusation that others accept, however many there were', async () => {
  const group = new Group({ seed: 1, size: 6 })
  await group.gather()
  const [victim, other] = group.processes
  if (!victim || !other) throw new Error('nobody is there')
  const { id, url } = victim.peer
  const hear = (at: typeof victim, members: Update[]) => void at.swim.handlers.sync({ members })
  hear(victim, [{ id, url, incarnation: Math.floor(epochMs + group.nowMs + 2 * skewMs - 1000), state: 'alive' }])
  await group.run(5000)
  for (let time = 0; time < 30; time++) {
    const from = victim.self.incarnation
    hear(
      victim,
      Array.from({ length: 4096 }, (_, at) => ({ id, url, incarnation: from + at, state: 'suspect', from: other.peer.id })),
    )
  }
  hear(other, [{ id, url, incarnation: other.swim.get(id)?.incarnation ?? 0, state: 'suspect', from: id }])
  await group.run(60_000)
  expect(group.allHave(id, 'alive')).toBe(true)
})

// Only a call of another kind showed that it answers, and until then nobody wrote to it at once.
test('whoever has left two calls unanswered, and answers others since, is not suspect for ever', async () => {
  const group = new Group({ seed: 1, size: 6, options: { membership: 'local', syncEveryMs: 1000 } })
  await group.gather()
  const [one, other] = group.processes
  if (!one || !other) throw new Error('nobody is there')
  const { id } = other.peer
  for (let time = 0; time < 2; time++) one.swim.hint(id)
  expect(one.swim.isSuspect(id)).toBe(true)
  await group.run(60_000)
  expect([one.swim.get(id)?.state, one.swim.isSuspect(id)]).toEqual(['alive', false])
})
