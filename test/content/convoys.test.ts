/** Writes that travel together, and when that is all there is to them. */
import { setImmediate } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { Convoys, type Load } from '../../src/content/convoys.ts'
import { batchBytes } from '../../src/content/record.ts'
import type { Written } from '../../src/protocol/client-api.ts'
import { Refusal, Unreachable } from '../../src/protocol/errors.ts'
import type { Cell } from '../../src/overlay/overlay.ts'
import { limits, type Peer, type StoredRecord } from '../../src/protocol/schemas.ts'
import { peerAt, type StillNode, StillRing, viewOf } from './still-ring.ts'
import { recordAt } from './store.suite.ts'

const peers = [0, 1, 2, 3].map(peerAt) as [Peer, Peer, Peer, Peer]
const window = peers.slice(0, 3)
const records = (count: number, value = 'x'): StoredRecord[] =>
  Array.from({ length: count }, (_, at) => recordAt(at.toString(16).padStart(4, '0'), 'v:1', value))

type Kept = readonly boolean[]
const all = (_: Peer, load: Load): Kept => load.records.map(() => true)

/** Convoys that are answered by `answer`, and each call that they make; the time that they wait for is up once `wait` is called. */
const convoysOf = (answer: (peer: Peer, load: Load) => Kept | Promise<Kept> = all) => {
  const calls: { peer: Peer; count: number }[] = []
  const waits: (() => void)[] = []
  const convoys = new Convoys(
    async (peer, load) => {
      calls.push({ peer, count: load.records.length })
      return answer(peer, load)
    },
    { sleep: (ms) => (ms === 0 ? setImmediate() : new Promise((resolve) => void waits.push(resolve))) },
  )
  const wait = () => {
    for (const wake of waits.splice(0)) wake()
  }
  return { convoys, calls, wait }
}

/** The same, on whose calls nobody answers before `answerNext`, the oldest first. */
const slowConvoys = () => {
  const answers: (() => void)[] = []
  const made = convoysOf((peer, load) => new Promise((resolve) => void answers.push(() => resolve(all(peer, load)))))
  const outcomes: boolean[] = []
  /** Sends them in one moment to one peer. */
  const send = async (count: number) => {
    for (const record of records(count))
      void made.convoys.send(record, [peers[0]]).then(({ arrived }) => void outcomes.push(arrived))
    await settle()
  }
  return { ...made, outcomes, send, answerNext: () => answers.shift()?.() }
}

/** Until all that has been begun waits for somebody. */
const settle = async () => {
  for (let turn = 0; turn < 5; turn++) await setImmediate()
}

describe('records of one moment', () => {
  test('to one window travel in one call to each of it', async () => {
    const { convoys, calls } = convoysOf()
    const sent = await Promise.all(records(100).map((record) => convoys.send(record, window)))
    expect(sent).toEqual(Array(100).fill({ arrived: true, silent: [] }))
    expect(calls).toEqual(window.map((peer) => ({ peer, count: 100 })))
  })

  test('to different windows travel apart', async () => {
    const { convoys, calls } = convoysOf()
    await Promise.all(records(10).map((record, at) => convoys.send(record, at % 2 === 0 ? window : peers.slice(1))))
    expect(calls.map(({ count }) => count)).toEqual([5, 5, 5, 5, 5, 5])
  })

  test('are no more in one call than it may have, nor much larger', async () => {
    const { convoys, calls } = convoysOf()
    await Promise.all(records(limits.page + 1).map((record) => convoys.send(record, [peers[0]])))
    expect(calls.map(({ count }) => count)).toEqual([limits.page, 1])
    calls.length = 0
    await Promise.all(records(5, 'x'.repeat(batchBytes / 2)).map((record) => convoys.send(record, [peers[0]])))
    expect(calls.map(({ count }) => count)).toEqual([2, 2, 1])
  })

  test('and those of a later moment are another convoy', async () => {
    const { convoys, calls } = convoysOf()
    await convoys.send(recordAt('00', 'v:1'), window)
    await convoys.send(recordAt('01', 'v:1'), window)
    expect(calls).toHaveLength(6)
  })

  test('are those of one turn of the event loop, whatever woke who writes', async () => {
    const { convoys, calls } = convoysOf()
    const wakes: (() => void)[] = []
    const sent = records(3).map(async (record) => {
      await new Promise<void>((resolve) => void wakes.push(resolve))
      return convoys.send(record, [peers[0]])
    })
    for (const wake of wakes) {
      wake()
      await Promise.resolve()
    }
    await Promise.all(sent)
    expect(calls).toEqual([{ peer: peers[0], count: 3 }])
  })
})

describe('while two records are on their way', () => {
  test('those that come wait for each other, and leave when one is back', async () => {
    const { send, calls, outcomes, answerNext } = slowConvoys()
    await send(1)
    await send(1)
    await send(1)
    await send(2)
    expect(calls.map(({ count }) => count)).toEqual([1, 1])
    answerNext()
    await settle()
    expect(calls.map(({ count }) => count)).toEqual([1, 1, 3])
    answerNext()
    answerNext()
    await settle()
    expect(outcomes).toEqual(Array(5).fill(true))
  })

  test('they wait no longer than a moment for one that does not come back', async () => {
    const { send, calls, wait } = slowConvoys()
    await send(1)
    await send(1)
    await send(1)
    expect(calls).toHaveLength(2)
    wait()
    await settle()
    expect(calls).toHaveLength(3)
  })

  test('many need no more company', async () => {
    const { send, calls } = slowConvoys()
    await send(1)
    await send(1)
    await send(20)
    expect(calls).toHaveLength(2)
    await send(20)
    expect(calls.map(({ count }) => count)).toEqual([1, 1, 40])
    await send(100)
    expect(calls.map(({ count }) => count)).toEqual([1, 1, 40, 100])
  })

  test('whoever comes as one leaves is of it or of the next', async () => {
    const { convoys, send, calls, answerNext } = slowConvoys()
    for (let late = 0; late < 20; late++) {
      await send(1)
      await send(1)
      await send(1)
      answerNext()
      for (let step = 0; step < late; step++) await Promise.resolve()
      void convoys.send(recordAt('00', 'v:1'), [peers[0]])
      for (let turn = 0; turn < 4; turn++) {
        await settle()
        answerNext()
      }
    }
    const { length } = calls
    await send(1)
    await send(1)
    expect(calls).toHaveLength(length + 2)
  })

  test('however few calls that are, and whatever their windows', async () => {
    const { convoys, calls, answerNext } = slowConvoys()
    const sendTo = async (...those: Peer[]) => {
      for (const peer of those) void convoys.send(recordAt('00', 'v:1'), [peer])
      await settle()
    }
    await sendTo(peers[0], peers[1])
    await sendTo(peers[2])
    expect(calls).toHaveLength(2)
    answerNext()
    await settle()
    expect(calls.map(({ peer }) => peer)).toEqual(peers.slice(0, 3))
    await sendTo(peers[3])
    expect(calls).toHaveLength(3)
  })
})

test('what one of the window does not say to be all has not arrived, and nothing else is touched by that', async () => {
  const { convoys } = convoysOf((peer, load) => load.records.map((_, at) => !(peer === peers[1] && at === 1)))
  const sent = await Promise.all(records(3).map((record) => convoys.send(record, window)))
  expect(sent.map(({ arrived }) => arrived)).toEqual([true, false, true])
})

test('an answer that is too short says nothing of the rest', async () => {
  const { convoys } = convoysOf(() => [true])
  const sent = await Promise.all(records(2).map((record) => convoys.send(record, window)))
  expect(sent.map(({ arrived }) => arrived)).toEqual([true, false])
})

test('who does not answer is named; who refuses is not silent', async () => {
  const { convoys } = convoysOf((peer, load) => {
    if (peer === peers[0]) throw new Unreachable(peer.url, 'connection refused')
    if (peer === peers[1]) throw new Refusal('STORE_FULL', 'no room')
    return load.records.map(() => true)
  })
  expect(await convoys.send(recordAt('00', 'v:1'), window)).toEqual({ arrived: false, silent: [peers[0].id] })
})

test('a defect of ours is not taken for silence', async () => {
  const { convoys } = convoysOf(() => {
    throw new TypeError('a defect')
  })
  await expect(convoys.send(recordAt('00', 'v:1'), window)).rejects.toThrow('a defect')
})

describe('in a ring whose members are known', () => {
  const size = 12
  const ringOf = (): { ring: StillRing; entry: StillNode } => {
    const ring = new StillRing(size, 'onehop')
    for (const node of ring.nodes) node.view = viewOf(ring.nodes.map(({ me }) => me))
    return { ring, entry: ring.nodes[0] as StillNode }
  }
  const storeAll = async (ring: StillRing, { content }: StillNode, count: number) => {
    const outcomes = Array.from({ length: count }, async (_, at) => content.handlers.store({ value: `value ${at}` }))
    const all = await ring.outcome(Promise.all(outcomes))
    if ('error' in all) throw all.error
    return all.reply
  }

  test('a hundred values are a few calls, and each is where it belongs', async () => {
    const { ring, entry } = ringOf()
    const written = await storeAll(ring, entry, 100)
    for (const { key, owner, stored } of written) {
      const line = ring.line(key)
      expect({ owner, stored }).toEqual({ owner: line[0]?.me, stored: 3 })
      for (const { content } of line) expect(content.holdings.read({ key })).toHaveLength(1)
    }
    expect(ring.calls.keep).toBeLessThanOrEqual(3 * size)
    expect(ring.calls.insert ?? 0).toBe(0)
  })

  test('a value of whose window one is dead gets a stand-in all the same', async () => {
    const { ring, entry } = ringOf()
    const victim = ring.nodes[5] as StillNode
    ring.refusing.add(victim.me.id)
    const written = await storeAll(ring, entry, 100)
    const hit = written.filter(({ key }) => ring.line(key).includes(victim))
    expect(hit.length).toBeGreaterThan(0)
    for (const { key, stored } of hit) {
      expect(stored).toBe(3)
      const holders = ring.nodes.filter(({ content }) => content.holdings.read({ key }).length > 0)
      expect(holders).toHaveLength(3)
    }
  })

  test('a write under a name that others have written to later is stamped above theirs', async () => {
    const { ring, entry } = ringOf()
    const name = 'motd'
    const first = await ring.outcome(entry.content.handlers.store({ value: 'first', name }))
    if ('error' in first) throw first.error
    const { key, index } = first.reply
    // By a minute, which is not so late that it is refused.
    const hlc = (BigInt(`0x${first.reply.version.hlc}`) + (60_000n << 16n)).toString(16).padStart(16, '0')
    const later = { hlc, origin: entry.me.id }
    for (const { content } of ring.line(key)) {
      const [record] = content.holdings.read({ key, index }) as [StoredRecord]
      content.holdings.intake.take({ ...record, value: 'later', version: later })
    }
    const other = ring.nodes[3] as StillNode
    const second = await ring.outcome(other.content.handlers.store({ value: 'second', name }))
    if ('error' in second) throw second.error
    expect(second.reply.version.hlc > later.hlc).toBe(true)
    expect(await ring.outcome(entry.content.handlers.lookupBy({ name }))).toMatchObject({
      reply: { values: [{ value: 'second' }] },
    })
  })

  test.each([
    ['knows of another who should have it', (all: string[]) => all.slice(0, 2)],
    ['is told of one who should not', (all: string[]) => [...all, peerAt(99).id]],
    ['knows of another in the place of one', (all: string[]) => [...all.slice(0, 2), peerAt(99).id]],
    ['is not told of itself', (all: string[]) => [...all.slice(1), peerAt(99).id]],
  ])('a holder that %s does not say that it is all', async (_what, change) => {
    const { ring, entry } = ringOf()
    const { key, index, version } = (await storeAll(ring, entry, 1))[0] as Written
    const line = ring.line(key)
    const holdings = (line[0] as StillNode).content.holdings
    const record: StoredRecord = { key, index, value: 'value 0', contentType: 'text/plain', version }
    const all = line.map(({ me }) => me.id)
    expect(await holdings.intake.keep([record], all)).toEqual([true])
    expect(await holdings.intake.keep([record], change(all))).toEqual([false])
  })

  test.each(['own', 'nothing'] as const)(
    'a holder that is leaving, and takes %s, does not say that it is all',
    async (what) => {
      const { ring, entry } = ringOf()
      const { key, index, version } = (await storeAll(ring, entry, 1))[0] as Written
      const line = ring.line(key)
      const record: StoredRecord = { key, index, value: 'value 0', contentType: 'text/plain', version }
      const { holdings } = (line[1] as StillNode).content
      holdings.cells.accept(what)
      expect(
        await holdings.intake.keep(
          [record],
          line.map(({ me }) => me.id),
        ),
      ).toEqual([false])
    },
  )

  test.each(['own', 'nothing'] as const)(
    'a holder that is leaving, and takes %s, is no copy that another may count on',
    (what) => {
      const { ring } = ringOf()
      const [one, other] = ring.nodes as [StillNode, StillNode]
      const [{ from, to }] = one.content.holdings.cells
        .all()
        .filter(({ window }) => window.some(({ id }) => id === other.me.id)) as [Cell]
      const said = () => one.content.holdings.testimony.claims({ from, to }, other.me.id)
      expect(said()).toMatchObject({ held: true, shared: true })
      one.content.holdings.cells.accept(what)
      expect(said()).toMatchObject({ held: false, shared: false })
    },
  )

  test('a suspect in its window is reason enough to write a value with care', async () => {
    const { ring, entry } = ringOf()
    entry.view = viewOf(
      ring.nodes.map(({ me }) => me),
      ring.nodes.map(({ me }) => me),
    )
    const [{ stored }] = (await storeAll(ring, entry, 1)) as [Written]
    expect(stored).toBe(3)
    expect(ring.calls.keep ?? 0).toBe(0)
  })

  test('a stamp that is far ahead is taken just after one that is here already, and no further ahead', async () => {
    const { ring, entry } = ringOf()
    const first = await ring.outcome(entry.content.handlers.store({ value: 'first', name: 'motd' }))
    if ('error' in first) throw first.error
    const { key, index } = first.reply
    const { holdings } = (ring.line(key)[0] as StillNode).content
    const minute = 60_000
    const ahead = (ms: number) => {
      const version = { hlc: `${(ring.now + ms).toString(16).padStart(12, '0')}0000`, origin: entry.me.id }
      return { ...(holdings.read({ key, index })[0] as StoredRecord), value: 'later', version }
    }
    await expect(holdings.intake.insert(ahead(6 * minute), [])).rejects.toMatchObject({ code: 'STAMP_AHEAD' })
    holdings.intake.take(ahead(60 * minute))
    await expect(holdings.intake.insert(ahead(66 * minute), [])).rejects.toMatchObject({ code: 'STAMP_AHEAD' })
    expect(
      await holdings.intake.keep(
        [ahead(66 * minute), ahead(61 * minute)],
        ring.line(key).map(({ me }) => me.id),
      ),
    ).toEqual([false, true])
  })

  test('what a holder refuses does not keep it from the rest', async () => {
    const { ring, entry } = ringOf()
    const { key, index, version } = (await storeAll(ring, entry, 1))[0] as Written
    const line = ring.line(key)
    const record: StoredRecord = { key, index, value: 'value 0', contentType: 'text/plain', version }
    const holdings = (line[0] as StillNode).content.holdings
    const all = line.map(({ me }) => me.id)
    expect(await holdings.intake.keep([{ ...record, value: 'not of that index' }, record], all)).toEqual([false, true])
  })
})
