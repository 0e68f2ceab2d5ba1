import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { hedgeAfterMs } from '../../src/content/reads.ts'
import type { Deleted, Found, Written } from '../../src/protocol/client-api.ts'
import { Refusal } from '../../src/protocol/errors.ts'
import { hash } from '../../src/service/hash.ts'
import { callTimeoutMs, peerAt, replicas, type StillNode, StillRing, viewOf } from './still-ring.ts'

const size = 12
const value = 'hello'
const key = hash(value)
const ids = (nodes: readonly StillNode[]) => nodes.map(({ me }) => me.id)
const codeOf = (outcome: object) => ('error' in outcome && outcome.error instanceof Refusal ? outcome.error.code : outcome)
const holds = ({ content }: StillNode, where = key) => content.holdings.read({ key: where }).length > 0

describe('where everyone is known', () => {
  let ring: StillRing
  let line: StillNode[]
  /** Far from the key. */
  let entry: StillNode

  beforeEach(() => {
    ring = new StillRing(size, 'onehop')
    line = ring.line(key, size)
    entry = line[7] as StillNode
    for (const node of ring.nodes) node.view = viewOf(ring.nodes.map(({ me }) => me))
  })

  const store = async () => {
    const stored = await ring.outcome(entry.content.handlers.store({ value }))
    if (!('reply' in stored)) throw stored.error
    return stored.reply
  }
  const lookup = async (): Promise<Found> => {
    const found = await ring.outcome(entry.content.handlers.lookupBy({ value }))
    if (!('reply' in found)) throw found.error
    return found.reply
  }

  test('a value is written to the window, and read in one hop from its owner', async () => {
    expect(await store()).toMatchObject({ stored: 3, wanted: 3, owner: line[0]?.me, hops: 0 })
    expect(ids(ring.nodes.filter((node) => holds(node))).sort()).toEqual(ids(line.slice(0, 3)).sort())
    const { hops, answeredBy, path } = await lookup()
    expect({ hops, answeredBy, path: path.map(({ id }) => id) }).toEqual({
      hops: 1,
      answeredBy: line[0]?.me,
      path: [line[0]?.me.id],
    })
  })

  test('while rings meet a name is waited for until they are one', async () => {
    await ring.outcome(entry.content.handlers.store({ value, name: value }))
    entry.view = { ...entry.view, reunitedAt: ring.now }
    const began = ring.now
    expect(await ring.outcome(entry.content.handlers.lookupBy({ name: value }))).toMatchObject({
      reply: { values: [{ value }] },
    })
    expect(ring.now - began).toBe(3000)
  })

  test('while rings meet a value by its content is there as soon as anyone has it', async () => {
    for (const { content } of line.slice(0, 3)) content.holdings.cells.completeness.forget()
    entry.view = { ...entry.view, reunitedAt: ring.now }
    const began = ring.now
    const found = entry.content.handlers.lookupBy({ value })
    await ring.outcome((line[0] as StillNode).content.handlers.store({ value }))
    expect(await ring.outcome(found)).toMatchObject({ reply: { values: [{ value }] } })
    expect(ring.now - began).toBe(150)
  })

  test('who owns a key is the owner’s own word, in one hop', async () => {
    const found = await ring.outcome(entry.content.handlers.find({ key }))
    expect(found).toMatchObject({ reply: { hops: 1, mode: 'onehop', window: line.slice(0, 3).map(({ me }) => me) } })
    const wrong = viewOf(ring.nodes.filter((node) => node !== line[0]).map(({ me }) => me))
    entry.view = wrong
    expect(await ring.outcome(entry.content.handlers.find({ key }))).toMatchObject({ reply: { owner: line[0]?.me } })
  })

  test('one who refuses the connection costs no time: the next copy is asked', async () => {
    await store()
    ring.refusing.add(line[0]?.me.id ?? '')
    const began = ring.now
    const { path, answeredBy, hops } = await lookup()
    expect(path).toMatchObject([{ id: line[0]?.me.id, dead: true }, { id: line[1]?.me.id }])
    expect({ answeredBy, hops, ms: ring.now - began }).toEqual({ answeredBy: line[1]?.me, hops: 1, ms: 0 })
  })

  test('one who is slow is not waited for, and the path says so', async () => {
    await store()
    ring.silent.add(line[0]?.me.id ?? '')
    const began = ring.now
    const { path, answeredBy } = await lookup()
    expect(ring.now - began).toBe(hedgeAfterMs)
    expect(answeredBy).toEqual(line[1]?.me)
    expect(path).toEqual([
      { ...line[0]?.me, ms: hedgeAfterMs, slow: true },
      { ...line[1]?.me, ms: 0 },
    ])
  })

  test('a suspect is asked last', async () => {
    await store()
    entry.view = viewOf(entry.view.peers, [line[0]?.me ?? peerAt(0)])
    const { path } = await lookup()
    expect(path.map(({ id }) => id)).toEqual([line[1]?.me.id])
  })

  test('beside a suspect a stand-in is written to, and nobody waits for it', async () => {
    const suspect = line[0] as StillNode
    ring.silent.add(suspect.me.id)
    entry.view = viewOf(entry.view.peers, [suspect.me])
    const began = ring.now
    expect(await store()).toMatchObject({ stored: 3 })
    expect(ring.now).toBe(began)
    expect(ids(line.filter((node) => holds(node)))).toEqual(ids(line.slice(1, 4)))
  })

  test('a suspect that answers is a copy like any other', async () => {
    entry.view = viewOf(entry.view.peers, [line[0]?.me ?? peerAt(0)])
    await store()
    expect(line.slice(0, 3).every((node) => holds(node))).toBe(true)
  })

  test('what nobody takes who has had everything goes beyond the window, where it may have been before', async () => {
    for (const node of line.slice(0, 3)) node.content.holdings.cells.completeness.forget()
    expect(await store()).toMatchObject({ stored: 3, wanted: 3 })
    expect(ids(line.filter((node) => holds(node)))).toEqual(ids(line.slice(0, 4)))
  })

  test('a name for which nobody vouches is not acknowledged, and it is said that it is not copies that are wanting', async () => {
    for (const node of ring.nodes) node.content.holdings.cells.completeness.forget()
    const told = await ring.outcome(entry.content.handlers.store({ name: 'motd', value }))
    expect(told).toMatchObject({
      error: { code: 'NOT_ENOUGH_COPIES', message: expect.stringMatching(/^3 of 3 copies written, too few/) },
    })
  })

  test('a value for which one vouches is stored, and is deleted by the word of most only: the others may not be told', async () => {
    await store()
    for (const node of line.slice(1, 3)) node.content.holdings.cells.completeness.forget()
    expect(await store()).toMatchObject({ stored: 3 })
    const told = await ring.outcome(entry.content.handlers.removeBy({ value }))
    expect(codeOf(told)).toBe('NOT_ENOUGH_COPIES')
  })

  test.each([1, 2, 3])('a write that finds a later version with %i of its window is stamped above that', async (many) => {
    const name = 'motd'
    const index = `n:${hash(name)}`
    const hlc = `${(ring.now + 60_000).toString(16).padStart(12, '0')}0000`
    const later = { key: hash(name), index, value: 'first', name, contentType: 'text/plain', version: { hlc, origin: 'a' } }
    const window = ring.line(hash(name), size)
    for (const { content } of window.slice(0, many)) content.holdings.intake.take(later)
    const { handlers } = (window[7] as StillNode).content
    const stored = await ring.outcome<Written>(handlers.store({ value: 'second', name }))
    expect(stored).toMatchObject({ reply: { stored: 3 } })
    expect('reply' in stored && stored.reply.version.hlc > hlc).toBe(true)
    for (const { content } of window.slice(0, 3))
      expect(content.holdings.read({ key: hash(name) })).toMatchObject([{ value: 'second' }])
  })

  /** A name as it was written some seconds ago. */
  const motd = (content: string, agoMs: number) => {
    const hlc = `${(ring.now - agoMs).toString(16).padStart(12, '0')}0000`
    const [index, name] = [`n:${hash('motd')}`, 'motd']
    return { key: hash(name), index, value: content, name, contentType: 'text/plain', version: { hlc, origin: 'a' } }
  }

  test('a name that only the one beyond the window has, which held it until someone came, is not missing', async () => {
    const window = ring.line(hash('motd'), size)
    window[3]?.content.holdings.intake.take(motd('red', 2000))
    const { handlers } = (window[7] as StillNode).content
    expect(await ring.outcome(handlers.lookupBy({ name: 'motd' }))).toMatchObject({ reply: { values: [{ value: 'red' }] } })
  })

  test('whoever of the window is asked for a name and has an older version has the newest before that is told', async () => {
    const window = ring.line(hash('motd'), size)
    const [one, other] = window as [StillNode, StillNode]
    one.content.holdings.intake.take(motd('red', 1000))
    other.content.holdings.intake.take(motd('blue', 2000))
    ring.late.add(other.me.id)
    const { handlers } = (window[7] as StillNode).content
    expect(await ring.outcome(handlers.lookupBy({ name: 'motd' }))).toMatchObject({ reply: { values: [{ value: 'red' }] } })
    expect(other.content.holdings.read({ key: hash('motd') })).toMatchObject([{ value: 'red' }])
  })

  test('one who is silent and not suspected is waited for once', async () => {
    ring.silent.add(line[0]?.me.id ?? '')
    const began = ring.now
    expect(await store()).toMatchObject({ stored: 3 })
    expect(ring.now - began).toBe(callTimeoutMs)
  })

  test('who has lost all others acknowledges no single copy as long as they may only be silent', async () => {
    const alone = new StillRing(0, 'onehop', 1)
    const [node] = alone.nodes as [StillNode]
    node.view = { ...viewOf([node.me]), isAccompanied: true }
    expect(codeOf(await alone.outcome(node.content.handlers.store({ value })))).toBe('NOT_ENOUGH_COPIES')
    node.view = viewOf([node.me, peerAt(500)], [peerAt(500)])
    expect(codeOf(await alone.outcome(node.content.handlers.store({ value })))).toBe('NOT_ENOUGH_COPIES')
    node.view = viewOf([node.me])
    expect(await alone.outcome(node.content.handlers.store({ value }))).toMatchObject({ reply: { stored: 1, wanted: 3 } })
  })

  test('what is missing is missing by the word of the whole window, and of those beyond it whom a write may have gone to', async () => {
    const missed = await ring.outcome(entry.content.handlers.lookupBy({ value }))
    expect(codeOf(missed)).toBe('NOT_FOUND')
    expect(missed).toMatchObject({ error: { details: { hops: 2 * replicas } } })
  })

  test('nothing is missing as long as one of the window was not heard', async () => {
    for (const node of line.slice(1, 3)) ring.refusing.add(node.me.id)
    expect(await store()).toMatchObject({ stored: 3 })
    ring.refusing.clear()
    const [owner, , , ...standIns] = line.slice(0, 5)
    entry.view = viewOf(entry.view.peers.filter(({ id }) => id !== owner?.me.id && !ids(standIns).includes(id)))
    expect(await lookup()).toMatchObject({ answeredBy: owner?.me })
  })

  test('a node that is alone, and believes that it holds everything, is not taken at its word', async () => {
    const crowd = new StillRing(size, 'onehop', 100)
    const through = crowd.nodes.find(({ me }) => me.id === entry.me.id) as StillNode
    through.view = viewOf(crowd.nodes.map(({ me }) => me))
    expect(await crowd.outcome(through.content.handlers.store({ value }))).toMatchObject({ reply: { owner: line[0]?.me } })
    expect(crowd.line(key).every((node) => holds(node))).toBe(true)
  })
})

/** Whom each entry takes to be there: some of the ring, some who are not, some suspects. */
const views = fc.record({
  unknown: fc.array(fc.nat(size - 1), { maxLength: size - 1 }),
  gone: fc.array(fc.integer({ min: 100, max: 400 }), { maxLength: 12 }),
  hermits: fc.subarray([0, 1, 2, 3, 4, 5]),
  suspects: fc.array(fc.nat(size - 1), { maxLength: 4 }),
  entry: fc.nat(size - 1),
})
const steps = fc.array(
  fc.record({ view: views, what: fc.constantFrom('store', 'name', 'lookup', 'lookup name', 'delete'), which: fc.nat(5) }),
  { minLength: 4, maxLength: 14 },
)

test('whatever a node takes to be there, it says nothing wrong, and those who hold the key have what it acknowledges', () =>
  fc.assert(
    fc.asyncProperty(steps, async (history) => {
      const ring = new StillRing(size, 'onehop', 6)
      const members = ring.nodes.filter(({ table }) => !table.isLone)
      const lone = ring.nodes.filter(({ table }) => table.isLone)
      const stored = new Map<string, string>()
      for (const [at, { view, what, which }] of history.entries()) {
        const entry = members[view.entry] as StillNode
        const known = members.filter((node, place) => node === entry || !view.unknown.includes(place))
        const there = [...known, ...view.hermits.map((hermit) => lone[hermit] as StillNode)].map(({ me }) => me)
        entry.view = viewOf(
          [...there, ...view.gone.map(peerAt)],
          view.suspects.map((place) => (members[place] as StillNode).me),
        )
        const { handlers } = entry.content
        const [named, content] = [`name ${which}`, `value ${which}`]
        const kept = (where: string) => ring.line(where).every((node) => holds(node, where))
        if (what === 'store') {
          const outcome = await ring.outcome<Written>(handlers.store({ value: content }))
          expect(outcome).toMatchObject({ reply: { stored: 3 } })
          expect(kept(hash(content))).toBe(true)
          stored.set(content, content)
        } else if (what === 'name') {
          const outcome = await ring.outcome<Written>(handlers.store({ value: `${at}`, name: named }))
          expect(outcome).toMatchObject({ reply: { stored: 3 } })
          expect(kept(hash(named))).toBe(true)
          stored.set(named, `${at}`)
        } else {
          const asked = what === 'lookup' || (what === 'delete' && which % 2 === 0) ? content : named
          const address = asked === content ? { value: content } : { name: named }
          const wanted = stored.get(asked)
          if (what === 'delete') {
            const outcome = await ring.outcome<Deleted>(handlers.removeBy(address))
            if (wanted === undefined) expect(codeOf(outcome)).toBe('NOT_FOUND')
            else expect(outcome).toMatchObject({ reply: { deleted: [expect.any(String)] } })
            stored.delete(asked)
          } else {
            const outcome = await ring.outcome<Found>(handlers.lookupBy(address))
            if (wanted === undefined) expect(codeOf(outcome)).toBe('NOT_FOUND')
            else expect(outcome).toMatchObject({ reply: { values: [{ value: wanted }] } })
          }
        }
      }
    }),
    { numRuns: 60 },
  ))

test('a copy that nobody vouches for waits for those who may have its tombstone', async () => {
  const ring = new StillRing(size, 'fingers')
  const line = ring.line(key, size)
  const [a, b, c, beyond, entry] = [line[0], line[1], line[2], line[3], line[7]] as StillNode[]
  const stored = await ring.outcome(entry?.content.handlers.store({ value }) as Promise<Written>)
  expect(stored).toMatchObject({ reply: { stored: 3 } })
  const [record] = b?.content.holdings.read({ key }) ?? []
  expect(await ring.outcome(entry?.content.handlers.removeBy({ value }) as Promise<Deleted>)).toMatchObject({
    reply: { stored: 3 },
  })
  // The first lacks both, and one beyond the window still has what was deleted: it answers before the others.
  for (const copy of a?.content.holdings.read({ key }) ?? []) a?.content.holdings.records.drop(copy)
  if (record) beyond?.content.holdings.intake.take(record)
  for (const node of [b, c]) ring.late.add(node?.me.id ?? '')
  expect(codeOf(await ring.outcome(entry?.content.handlers.lookupBy({ value }) as Promise<Found>))).toBe('NOT_FOUND')
})
