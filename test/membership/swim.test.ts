/** One member, or a few, and what SWIM says of the case. Words of many members and of figures are in test/paper/swim.test.ts. */
import { describe, expect, test } from 'vitest'
import { asUpdate, type Member } from '../../src/membership/members.ts'
import type { MembershipOptions } from '../../src/membership/options.ts'
import { suspicionBounds } from '../../src/membership/suspicion.ts'
import { membersMost, metaBytes, type Packet, packetBytes, type Update } from '../../src/protocol/packets.ts'
import { peerApi } from '../../src/protocol/peer-api.ts'
import { createValidation } from '../../src/service/validation.ts'
import { epochMs } from '../../src/sim/host.ts'
import { Group, type Process } from './group.ts'

/** How far clocks may differ. */
const skewMs = 2 ** 42
const local = { membership: 'local' } as const

const gathered = async (size: number, seed = 1, options: Partial<MembershipOptions> = local): Promise<Group> => {
  const group = new Group({ seed, size, options })
  await group.gather()
  return group
}

const at = (group: Group, number: number): Process => group.processes[number] as Process
const senderOf = ({ peer, incarnation }: Process) => ({ ...peer, incarnation })
const gossip = (...updates: Update[]): Packet => ({ type: 'gossip', updates })
const kindsOf = ({ events }: Process, id: string) => events.filter(({ member }) => member.id === id).map(({ kind }) => kind)

/** Somebody says this of a member. */
const say = (
  group: Group,
  to: Process,
  { id, url }: { id: string; url: string },
  state: Update['state'],
  incarnation: number,
) =>
  to.swim.hear(gossip({ id, url, incarnation, state, from: '7f' }), {
    id: '7f',
    url: 'http://10.0.0.1:999',
    incarnation: group.nowMs,
  })

const sentBy = (group: Group, process: Process, type: Packet['type']) => {
  const sent: { packet: Packet; to: Process | undefined; ms: number }[] = []
  group.watch = (packet, from, to) => {
    if (from === process && packet.type === type) sent.push({ packet, to, ms: group.nowMs })
  }
  return sent
}

describe('one or two nodes', () => {
  // An earlier system stopped when it had no peers: the first node of a network could not start.
  test('a node without seeds is a network of one, and whoever comes later is heard', async () => {
    const group = new Group({ seed: 1, size: 2, options: local })
    const [first, second] = [at(group, 0), at(group, 1)]
    first.swim.start([])
    await group.run(60_000)
    expect(first.swim.isKnown).toBe(true)
    expect(first.swim.peers).toEqual([first.peer])
    second.swim.start([first.peer])
    await group.until(() => group.isWhole, 2000)
    expect(second.swim.isKnown).toBe(true)
  })

  test.each([
    [true, false],
    [false, true],
  ])(
    'of two one dies: there is nobody to ask, and it is dead all the same; where its machine answers (%j) the other is cut off: %j',
    async (http, isCutOff) => {
      const group = await gathered(2)
      group.http = http
      at(group, 1).crash()
      await group.until(() => group.allHave(at(group, 1).peer.id, 'dead'), 4000)
      expect(at(group, 0).swim.isCutOff).toBe(isCutOff)
    },
  )

  test.each([
    [2500, false],
    [4000, true],
  ])('two who were there for %i ms, each without the other, have lived on apart: %j', async (ms, apart) => {
    const group = new Group({ seed: 1, size: 2, options: local })
    const [one, other] = [at(group, 0), at(group, 1)]
    for (const { swim } of [one, other]) swim.start([])
    await group.run(ms)
    const { members } = await other.swim.handlers.sync({
      members: one.swim.members().map((member) => asUpdate(member, epochMs + group.nowMs)),
    })
    await one.swim.handlers.sync({ members })
    expect([one, other].map(({ swim }) => swim.reunitedAt === epochMs + group.nowMs)).toEqual([apart, apart])
  })

  test('a seed that is not there yet is asked until it answers', async () => {
    const group = new Group({ seed: 1, size: 2, options: local })
    const [first, second] = [at(group, 0), at(group, 1)]
    first.crash()
    second.swim.start([first.peer])
    await group.run(10_000)
    expect(second.swim.isKnown).toBe(false)
    first.restart([])
    await group.until(() => group.isWhole && second.swim.isKnown, 2000)
  })
})

describe('whom to ask', () => {
  test('nobody who is excluded is found', async () => {
    const group = await gathered(3)
    const { swim } = at(group, 0)
    for (let draw = 0; draw < 200; draw++) {
      const found = swim.find(2, ({ id }) => id !== at(group, 1).peer.id)
      expect(found.map(({ id }) => id)).toEqual([at(group, 2).peer.id])
    }
  })

  // An earlier system asked the very member that did not answer to ping it.
  test('helpers are neither the one who asks nor the one who is silent, nor anyone twice', async () => {
    const group = await gathered(6)
    const victim = at(group, 5)
    const asked: string[] = []
    group.watch = (packet, from, to) => {
      if (packet.type !== 'pingReq') return
      expect(packet.target).toBe(victim.peer.id)
      expect([from, victim]).not.toContain(to)
      asked.push(`${from.peer.id} ${packet.seq} ${to?.peer.id}`)
    }
    victim.crash()
    await group.run(5000)
    expect(asked.length).toBeGreaterThan(3)
    expect(new Set(asked).size).toBe(asked.length)
  })

  // An earlier system probed the dead for ever, and the living all the less often.
  test('the dead are not probed', async () => {
    const group = await gathered(4)
    const victim = at(group, 3)
    victim.crash()
    await group.until(() => group.allHave(victim.peer.id, 'dead'), 10_000)
    let pings = 0
    group.watch = (packet, _, to) => {
      if (packet.type === 'ping' && to === victim) pings++
    }
    await group.run(60_000)
    expect(pings).toBe(0)
  })

  test('a hint is a probe at once, and in one period there is only one', async () => {
    const group = await gathered(40)
    const [me, other] = [at(group, 0), at(group, 7)]
    const pings = sentBy(group, me, 'ping')
    const hinted = () => pings.filter(({ to }) => to === other).map(({ ms }) => ms)
    const nowMs = group.nowMs
    for (let hint = 0; hint < 10; hint++) {
      me.swim.hint(other.peer.id)
      await group.run(group.options.probeEveryMs / 10)
    }
    expect(hinted()).toEqual([nowMs])
    me.swim.hint(other.peer.id)
    expect(hinted()).toHaveLength(2)
    me.swim.hint('7f')
    me.swim.hint(me.peer.id)
  })

  /** A firewall between two nodes may let packets through and nothing else: each write once waited for such a one in full. */
  test('one that answers packets, and calls not, is gone round until it answers one', async () => {
    const group = await gathered(5)
    const [{ swim }, other] = [at(group, 0), at(group, 3).peer]
    swim.hint(other.id)
    expect(swim.isSuspect(other.id)).toBe(false)
    swim.hint(other.id)
    await group.run(60_000)
    expect(swim.get(other.id)?.state).toBe('alive')
    expect(swim.isSuspect(other.id)).toBe(true)
    swim.answered(other.id)
    expect(swim.isSuspect(other.id)).toBe(false)
  })

  test('a failed call to someone dead tells nobody anything new', async () => {
    const group = await gathered(3)
    at(group, 2).crash()
    await group.until(() => group.allHave(at(group, 2).peer.id, 'dead'), 10_000)
    const pings = sentBy(group, at(group, 0), 'ping')
    at(group, 0).swim.hint(at(group, 2).peer.id)
    expect(pings).toEqual([])
  })

  test('where packets do not get through but HTTP does, nobody is suspected', async () => {
    const group = await gathered(5)
    group.lossPerMille = 1000
    await group.run(60_000)
    expect(group.isWhole).toBe(true)
    expect(group.processes.map(({ failures }) => failures)).toEqual([0, 0, 0, 0, 0])
  })
})

describe('refutation', () => {
  // An earlier system answered an accusation in its 100th incarnation with its own 2nd, and was not heard.
  test.each(['suspect', 'dead', 'left'] as const)('a %s, however new, is outbid, and everyone hears it', async (state) => {
    const group = await gathered(4)
    const [me, other] = [at(group, 0), at(group, 1)]
    const ahead = me.self.incarnation + 100
    say(group, other, me.peer, state, ahead)
    await group.until(() => group.isWhole && other.swim.get(me.peer.id)?.incarnation === ahead + 1, 2000)
    expect(me.self).toMatchObject({ incarnation: ahead + 1, state: 'alive' })
    expect(at(group, 3).swim.get(me.peer.id)?.incarnation).toBe(ahead + 1)
  })

  test('what is not new about this node changes nothing', async () => {
    const group = await gathered(3)
    const [me] = group.processes as [Process]
    const { self } = me
    say(group, me, me.peer, 'suspect', self.incarnation - 1)
    say(group, me, me.peer, 'alive', self.incarnation)
    expect(me.self).toBe(self)
    expect(me.swim.health).toBe(0)
  })

  // memberlist #358: one accusation in the last incarnation there is, and nobody could come back from it.
  test('whatever accusation is accepted can be refuted', async () => {
    const group = await gathered(3)
    const [me, other] = [at(group, 0), at(group, 1)]
    const nowMs = epochMs + group.nowMs
    for (const incarnation of [nowMs + skewMs + 1, Number.MAX_SAFE_INTEGER]) say(group, other, me.peer, 'dead', incarnation)
    expect(other.swim.get(me.peer.id)?.state).toBe('alive')
    expect(other.swim.drops.get('implausible')).toBe(2)
    say(group, other, me.peer, 'dead', nowMs + skewMs)
    expect(other.swim.get(me.peer.id)?.state).toBe('dead')
    await group.until(() => group.isWhole, 10_000)
    expect(me.self.incarnation).toBe(nowMs + skewMs + 1)
    say(group, other, me.peer, 'alive', nowMs + 3 * skewMs)
    expect(other.swim.get(me.peer.id)?.incarnation).toBe(nowMs + skewMs + 1)
  })

  test('one who missed the refutation hears it when it says what it still believes', async () => {
    const group = await gathered(3)
    const [me, other] = [at(group, 0), at(group, 1)]
    say(group, me, me.peer, 'suspect', me.self.incarnation)
    await group.hush()
    const before = { ...me.peer, state: 'alive' as const, incarnation: me.incarnation }
    other.restart([])
    other.swim.hear(gossip(before), senderOf(at(group, 2)))
    say(group, other, me.peer, 'suspect', me.incarnation)
    expect(other.swim.isSuspect(me.peer.id)).toBe(true)
    const { minMs } = suspicionBounds(3, group.options)
    await group.until(() => !other.swim.isSuspect(me.peer.id), minMs)
    expect(other.swim.get(me.peer.id)).toMatchObject({ state: 'alive', incarnation: me.self.incarnation })
  })

  test('a restart is a new incarnation; where a clock went back, what the earlier life left behind is outbid', async () => {
    const group = await gathered(3)
    const [me, other] = [at(group, 0), at(group, 1)]
    me.restart([other.peer])
    await group.until(() => group.isWhole, 2000)
    const { incarnation } = me.self
    expect(incarnation).toBeGreaterThan(epochMs)
    say(group, other, me.peer, 'alive', incarnation + 5000)
    await group.until(() => other.swim.get(me.peer.id)?.incarnation === incarnation + 5001, 2000)
  })
})

describe('suspicion', () => {
  test('a suspect is told so by whoever speaks to it', async () => {
    const group = await gathered(3)
    const [me, other] = [at(group, 0), at(group, 1)]
    const { id, url } = other.peer
    const accusation = { id, url, incarnation: other.self.incarnation, state: 'suspect', from: me.peer.id } as const
    me.swim.suspect(me.swim.get(id) as Member)
    expect(me.swim.updatesFor(id)[0]).toEqual(accusation)
    for (let packet = 0; packet < 50; packet++) me.swim.updatesFor(at(group, 2).peer.id)
    expect(me.swim.updatesFor(id)).toEqual([accusation])
    expect(me.swim.updatesFor(at(group, 2).peer.id)).toEqual([])
  })

  // E2: what another has as dead may be wrong; the one concerned shall have its say.
  test('someone whom a sync says dead is suspected, and can refute it', async () => {
    const group = await gathered(3)
    const [me, other] = [at(group, 0), at(group, 1)]
    await other.swim.handlers.sync({ members: [{ ...me.peer, incarnation: me.incarnation, state: 'dead' }] })
    expect(other.swim.get(me.peer.id)?.state).toBe('suspect')
    await group.until(() => group.isWhole, 2000)
    expect(kindsOf(other, me.peer.id)).toEqual(['join', 'suspect', 'alive'])
  })

  test('a node that slept suspects nobody until it has probed afresh', async () => {
    const group = await gathered(12)
    const sleeper = at(group, 4)
    const suspect = at(group, 5)
    say(group, sleeper, suspect.peer, 'suspect', suspect.self.incarnation)
    expect(sleeper.swim.isSuspect(suspect.peer.id)).toBe(true)
    sleeper.pause(120_000)
    sleeper.events.length = 0
    await group.run(130_000)
    expect(sleeper.events.filter(({ kind, member }) => kind === 'dead' && member.id !== sleeper.peer.id)).toEqual([])
    expect(sleeper.failures).toBe(0)
    await group.until(() => group.isWhole, 20_000)
  })

  test('a node that hears nobody finds itself cut off, and says so no more once it hears them', async () => {
    const group = await gathered(9)
    const alone = at(group, 0)
    expect(alone.swim.isCutOff).toBe(false)
    group.blocks = (from, to) => from === alone || to === alone
    await group.until(() => alone.swim.isCutOff, 30_000)
    expect(group.up.filter(({ swim }) => swim.isCutOff)).toEqual([alone])
    group.blocks = () => false
    await group.until(() => group.isWhole && !alone.swim.isCutOff, 30_000)
  })

  test('one that was refused for a moment, and has answered since, counts as silent like any other', async () => {
    const group = await gathered(3)
    const alone = at(group, 0)
    for (const { peer } of group.processes.slice(1)) alone.swim.hint(peer.id, true)
    await group.run(10_000)
    group.blocks = (from, to) => from === alone || to === alone
    await group.until(() => alone.swim.isCutOff, 30_000)
    expect(alone.swim.isCutOff).toBe(true)
  })

  test('the death of one of many cuts off nobody', async () => {
    const group = await gathered(5)
    at(group, 4).crash()
    await group.run(10_000)
    expect(group.up.some(({ swim }) => swim.isCutOff)).toBe(false)
  })
})

describe('departure', () => {
  test('who leaves has left, and is dead to nobody', async () => {
    const group = await gathered(20)
    const leaver = at(group, 7)
    const { id } = leaver.peer
    const beganMs = group.nowMs
    let told = false
    void leaver.swim.leave().then(() => {
      told = true
    })
    const tookMs = await group.until(
      () => group.processes.every((one) => one === leaver || one.swim.get(id)?.state === 'left'),
      500,
    )
    expect(tookMs).toBeLessThanOrEqual(500)
    await group.until(() => told, 5000)
    leaver.crash()
    await group.run(beganMs + 60_000 - group.nowMs)
    for (const one of group.up) expect(kindsOf(one, id)).toEqual(['join', 'left'])
  })

  test('nothing old brings it back, until it is forgotten', async () => {
    const group = await gathered(3, 1, { ...local, tombstoneMs: 300_000 })
    const [leaver, other] = [at(group, 0), at(group, 1)]
    const { self } = leaver
    void leaver.swim.leave()
    await group.run(6000)
    leaver.crash()
    const { since: _, ...old } = self
    await other.swim.handlers.sync({ members: [old] })
    other.swim.hear(gossip(old, { ...old, state: 'suspect' }, { ...old, state: 'dead' }), senderOf(at(group, 2)))
    expect(other.swim.get(self.id)?.state).toBe('left')
    await group.run(group.options.tombstoneMs)
    expect(kindsOf(other, self.id).at(-1)).toBe('left')
    await group.run(2 * group.options.syncEveryMs)
    expect(kindsOf(other, self.id)).toEqual(['join', 'left', 'reap'])
    expect(other.swim.members()).toHaveLength(2)
  })

  test('who stops is dead to all at once, and alive again when it is back', async () => {
    const group = await gathered(20)
    const one = at(group, 7)
    one.swim.stop()
    one.crash()
    await group.until(() => group.allHave(one.peer.id, 'dead'), 500)
    one.restart([at(group, 3).peer])
    await group.until(() => group.isWhole, 2000)
  })

  test('who has stopped, or has left, does not refute its own word when it comes back to it', async () => {
    const group = await gathered(3)
    const [stopped, leaver] = [at(group, 0), at(group, 1)]
    stopped.swim.stop()
    void leaver.swim.leave()
    await group.run(6000)
    for (const { swim, self } of [stopped, leaver]) {
      const { since: _, ...said } = self
      await swim.handlers.sync({ members: [said] })
      expect(swim.get(self.id)).toEqual(self)
    }
  })

  test('who leaves a network in which nobody else lives does not wait', async () => {
    const group = await gathered(1)
    let left = false
    void at(group, 0)
      .swim.leave()
      .then(() => {
        left = true
      })
    await group.until(() => left, 100)
  })
})

describe('one id, two nodes', () => {
  test('both are told of it, and the first keeps its place', async () => {
    const group = await gathered(3)
    const [me, other] = [at(group, 0), at(group, 1)]
    const url = 'http://10.0.0.9:1'
    const impostor = { ...me.peer, url, incarnation: me.self.incarnation + 5, state: 'alive' as const }
    for (const one of [me, other]) one.swim.hear(gossip(impostor), { ...me.peer, url, incarnation: impostor.incarnation })
    for (const one of [me, other]) {
      expect(kindsOf(one, me.peer.id)).toContain('conflict')
      expect(one.swim.drops.get('conflict')).toBe(1)
    }
    await group.run(5000)
    expect(group.isWhole).toBe(true)
    expect(other.swim.get(me.peer.id)?.url).toBe(me.peer.url)
  })
})

describe('what a member tells of itself', () => {
  const base = { name: 'x', overlay: 'chord', version: '1', tags: {} }
  const filling = (bytes: number) => 'a'.repeat(bytes - JSON.stringify({ ...base, tags: { a: '', b: '' } }).length)
  const tagsOf = (bytes: number) => {
    const text = filling(bytes)
    return { a: text.slice(0, 200), b: text.slice(200) }
  }

  test(`is heard by everyone, and has ${metaBytes} bytes at the most`, async () => {
    const group = await gathered(5)
    const { swim, peer } = at(group, 2)
    const tags = tagsOf(metaBytes)
    expect(() => swim.describe(tagsOf(metaBytes + 1))).toThrow(/513 bytes of JSON in all; 512 at most: say less in the tags/)
    expect(swim.get(peer.id)?.meta?.tags).toEqual({})
    swim.describe(tags)
    await group.until(() => group.up.every((one) => one.swim.get(peer.id)?.meta?.tags.a === tags.a), 1000)
    expect(kindsOf(at(group, 0), peer.id)).toEqual(['join', 'update'])
  })

  test('of somebody else as well: what fits in no packet is not heeded, and keeps nobody from leaving', async () => {
    const group = await gathered(3)
    const { swim } = at(group, 0)
    const stranger = { id: '7f', url: 'http://10.0.0.7:7', incarnation: epochMs, state: 'alive' } as const
    await swim.handlers.sync({ members: [{ ...stranger, meta: { ...base, tags: tagsOf(metaBytes + 1) } }] })
    expect(swim.get('7f')).toBeUndefined()
    expect(swim.drops.get('implausible')).toBe(1)
    await swim.handlers.sync({ members: [{ ...stranger, meta: { ...base, tags: tagsOf(metaBytes) } }] })
    expect(swim.get('7f')).toMatchObject({ state: 'alive' })
  })

  test('what it told long ago is not passed on as if it were of its newest incarnation', async () => {
    const group = await gathered(3)
    const [me, other, third] = group.processes as [Process, Process, Process]
    group.lossPerMille = 1000
    const incarnation = me.self.incarnation + 1
    me.swim.describe({ zone: 'a' })
    say(group, other, me.peer, 'suspect', incarnation)
    await third.swim.handlers.sync(await other.swim.handlers.sync({ members: [third.self] }))
    third.swim.hear(gossip({ ...me.peer, incarnation, state: 'alive', meta: { ...base, tags: { zone: 'a' } } }), senderOf(me))
    expect(third.swim.get(me.peer.id)).toMatchObject({ incarnation, meta: { tags: { zone: 'a' } } })
  })

  test('packets fit a datagram, however much there is to tell', async () => {
    const group = await gathered(30)
    let largest = 0
    group.watch = (packet) => {
      largest = Math.max(largest, new TextEncoder().encode(JSON.stringify(packet)).length)
    }
    for (const { swim } of group.processes) swim.describe(tagsOf(metaBytes))
    for (const one of group.up.slice(0, 10)) say(group, one, at(group, 20).peer, 'suspect', at(group, 20).self.incarnation)
    await group.hush()
    expect(group.isWhole).toBe(true)
    expect(largest).toBeGreaterThan(packetBytes / 2)
    // A header and a signature have 96 bytes.
    expect(largest).toBeLessThanOrEqual(packetBytes - 96)
  })

  // E6.6: λ ⌈log10(N + 1)⌉ times and never more.
  test('each says it so many times, and no more', async () => {
    const group = await gathered(20)
    const teller = at(group, 3)
    const told = new Map<Process, number>()
    group.watch = ({ updates }, from) => {
      const times = updates.filter(({ id, incarnation }) => id === teller.peer.id && incarnation === teller.self.incarnation)
      told.set(from, (told.get(from) ?? 0) + times.length)
    }
    teller.swim.describe({ zone: 'a' })
    await group.hush()
    const limit = group.options.retransmitMult * Math.ceil(Math.log10(21))
    expect([...told.values()]).toEqual(group.processes.map(() => limit))
  })
})

describe('a table has its bounds', () => {
  const strangers = (count: number, from = 0): Update[] =>
    Array.from({ length: count }, (_, n) => ({
      id: (from + n).toString(16).padStart(4, '0'),
      url: 'http://10.9.9.9:1',
      incarnation: 1,
      state: n % 2 === 0 ? 'alive' : 'dead',
    }))

  test('a sync of more members than a node can know fills it, and no more', async () => {
    const group = new Group({ seed: 1, size: 257 })
    const { swim } = at(group, 256)
    for (const from of [membersMost, 2 * membersMost]) await swim.handlers.sync({ members: strangers(membersMost, from) })
    // Those who live have taken the places of those who do not.
    expect(swim.live()).toHaveLength(membersMost)
    expect(swim.drops.get('full')).toBe(membersMost / 2)
    await swim.handlers.sync({ members: strangers(1, 4 * membersMost) })
    expect(swim.drops.get('full')).toBe(membersMost / 2 + 1)
    const { members } = await swim.handlers.sync({ members: [] })
    expect(members).toHaveLength(membersMost + 1)
    const { strict } = createValidation(16)
    expect([strict(peerApi.sync.request)({ members }), strict(peerApi.sync.reply)({ members })]).toEqual([true, true])
  })

  // 1000 nodes of changing addresses that live an hour each would have kept newcomers out from the third hour on.
  test('a table full of those who have left has room for whoever comes', async () => {
    const group = await gathered(2)
    const { swim } = at(group, 0)
    const gone = strangers(2 * membersMost).filter(({ state }) => state === 'alive')
    for (const state of ['alive', 'left'] as const)
      await swim.handlers.sync({ members: gone.map((member) => ({ ...member, state })) })
    const newcomer = strangers(1, 3 * membersMost)
    await swim.handlers.sync({ members: newcomer })
    expect(swim.get(newcomer[0]?.id ?? '')?.state).toBe('alive')
    expect(swim.get(at(group, 1).peer.id)?.state).toBe('alive')
    expect(swim.members().length).toBeLessThanOrEqual(membersMost + 1)
  })
})

describe('questions and answers', () => {
  test('nobody is pinged for those who ask for a stranger, and no stranger is answered for', async () => {
    const group = await gathered(3)
    const [me, other] = [at(group, 0), at(group, 1)]
    const pings = sentBy(group, me, 'ping')
    me.swim.hear({ type: 'pingReq', seq: 1, target: '7f', updates: [] }, senderOf(other))
    me.swim.hear({ type: 'pingReq', seq: 1, target: me.peer.id, updates: [] }, senderOf(other))
    expect(pings).toEqual([])
    const acks = sentBy(group, me, 'ack')
    me.swim.hear({ type: 'ping', seq: 1, target: other.peer.id, updates: [] }, senderOf(other))
    expect(acks).toEqual([])
    expect([...me.swim.drops]).toEqual([
      ['unknown target', 2],
      ['not for me', 1],
    ])
  })

  test('one that comes back in a new life is not taken for one that answers no calls any more', async () => {
    const group = await gathered(5)
    const [one, other] = [at(group, 0), at(group, 1)]
    for (let time = 0; time < 2; time++) one.swim.hint(other.peer.id)
    expect(one.swim.isSuspect(other.peer.id)).toBe(true)
    other.crash()
    other.restart(group.up.map(({ peer }) => peer))
    await group.run(10_000)
    expect(kindsOf(one, other.peer.id)).not.toContain('dead')
    expect(one.swim.isSuspect(other.peer.id)).toBe(false)
  })

  test('an answer counts from whom was asked only', async () => {
    const group = new Group({ seed: 1, size: 4, options: local, http: false })
    await group.gather()
    const me = at(group, 0)
    const victim = at(group, 3)
    victim.crash()
    group.watch = (packet, from) => {
      if (from !== me || packet.type !== 'ping' || packet.target !== victim.peer.id) return
      const word = { seq: packet.seq, target: victim.peer.id, updates: [] }
      const ack = { ...word, type: 'ack', now: 0 } as const
      for (const liar of [at(group, 1), at(group, 2)])
        for (const packet of [ack, { ...word, type: 'nack' } as const]) me.swim.hear(packet, senderOf(liar))
      me.swim.hear(ack, { ...senderOf(victim), url: 'http://10.6.6.6:1' })
    }
    await group.until(() => me.swim.get(victim.peer.id)?.state === 'dead', 20_000)
    expect(me.swim.drops.get('stray ack')).toBeGreaterThanOrEqual(3)
    expect(me.swim.drops.get('stray nack')).toBeGreaterThanOrEqual(2)
  })
})
