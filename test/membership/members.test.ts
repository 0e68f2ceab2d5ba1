import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { asUpdate, type Member, type MemberEvent, Members, supersedes } from '../../src/membership/members.ts'
import { Reunions } from '../../src/membership/reunions.ts'
import { membersMost, memberStates, type Update } from '../../src/protocol/packets.ts'
import { replayed } from './group.ts'

const urlOf = (id: string) => `http://10.0.0.1:${Number.parseInt(id, 16) + 1}`
const meta = (name: string) => ({ name, overlay: 'chord', version: '1', tags: {} })

/** Who says that it lives tells of itself, and in one incarnation always the same; who accuses it does not repeat that. */
const update: fc.Arbitrary<Update> = fc
  .record({
    id: fc.constantFrom('00', '01', '02'),
    incarnation: fc.nat(4),
    state: fc.constantFrom(...memberStates),
    from: fc.option(fc.constantFrom('00', '01', '07'), { nil: undefined }),
  })
  .map(({ id, incarnation, state, from }) => said(id, incarnation, state, from))

const said = (id: string, incarnation: number, state: Update['state'], from?: string): Update => ({
  id,
  url: urlOf(id),
  incarnation,
  state,
  ...(from === undefined ? {} : { from }),
  ...(state === 'alive' ? { meta: meta(`${id} in ${incarnation}`) } : {}),
})

/** What a node believes that has heard these one after the other, and the events that led there. */
const hear = (updates: readonly Update[]) => {
  const events: MemberEvent[] = []
  const members = new Members(
    (event) => events.push(event),
    new Reunions({ settleMs: 10_000, knowsOthers: () => true, isRefused: () => false }),
  )
  const outcomes = updates.map((it) => members.merge(it, 7))
  return { members, events, outcomes, table: tableOf(members.all()) }
}

/** Who accuses, and since when, is the observer's own. */
const tableOf = (members: readonly Update[]) =>
  members
    .map(({ id, url, incarnation, state, meta }) => ({ id, url, incarnation, state, meta }))
    .sort((a, b) => (a.id < b.id ? -1 : 1))

// E6.4: the table is the greatest of what was heard, a join-semilattice.
describe('whoever has heard the same believes the same', () => {
  test('in whatever order and however often it came', () =>
    fc.assert(
      fc.property(
        fc
          .array(update, { maxLength: 12 })
          .chain((updates) =>
            fc.tuple(
              fc.constant(updates),
              fc.shuffledSubarray(updates, { minLength: updates.length }),
              fc.array(fc.constantFrom(...(updates.length > 0 ? updates : [undefined])), { maxLength: 12 }),
            ),
          ),
        ([updates, shuffled, again]) => {
          const repeated = [...shuffled, ...again.filter((it) => it !== undefined)]
          expect(hear(repeated).table).toEqual(hear(updates).table)
        },
      ),
      { numRuns: 500 },
    ))

  test('and what one has made of it, told to another who has heard the rest, is the whole', () =>
    fc.assert(
      fc.property(fc.array(update, { maxLength: 8 }), fc.array(update, { maxLength: 8 }), (some, others) => {
        // Accusations of those of whom nobody has said that they live are kept, and not told on: here all are known.
        const known = ['00', '01', '02'].map((id) => said(id, 0, 'alive'))
        const told = (updates: readonly Update[]) => hear([...known, ...updates]).members.all()
        const states = (updates: readonly Update[]) =>
          told(updates).map(({ id, incarnation, state }) => ({ id, incarnation, state }))
        const whole = states([...some, ...others])
        expect(states([...some, ...told(others)])).toEqual(whole)
        expect(states([...others, ...told(some)])).toEqual(whole)
      }),
    ))
})

// E6.5, and the defect of an earlier system: a stale suspicion, not heeded, started the timer all the same.
test('what is stale has no effect: no event, no change', () =>
  fc.assert(
    fc.property(fc.array(update, { maxLength: 12 }), update, (updates, late) => {
      const { members, events } = hear(updates)
      const before = members.all()
      const known = members.get(late.id)
      fc.pre(known !== undefined && !supersedes(late, known) && late.state !== 'alive')
      const count = events.length
      expect(members.merge(late, 9)).toBe('stale')
      expect(members.all()).toEqual(before)
      expect(events).toHaveLength(count)
    }),
  ))

// E6.15.
test('the events, replayed on an empty view, are the members', () =>
  fc.assert(
    fc.property(fc.array(update, { maxLength: 30 }), fc.option(fc.nat(20)), (updates, reapedAt) => {
      const { members, events } = hear(updates.slice(0, reapedAt ?? undefined))
      if (reapedAt !== null) {
        members.reap(100)
        for (const late of updates.slice(reapedAt)) members.merge(late, 120)
      }
      expect([...replayed(events, 'ff').values()].sort((a, b) => (a.id < b.id ? -1 : 1))).toEqual(
        members.all().sort((a, b) => (a.id < b.id ? -1 : 1)),
      )
    }),
  ))

const alive = (incarnation: number): Update => ({ id: '00', url: urlOf('00'), incarnation, state: 'alive' })
const accused = (state: Update['state'], incarnation: number): Update => ({ ...alive(incarnation), state })

test.each<[Update[], Update['state'] | undefined, string[]]>([
  [[alive(1)], 'alive', ['join']],
  [[alive(1), accused('suspect', 1)], 'suspect', ['join', 'suspect']],
  [[alive(1), accused('suspect', 1), alive(1)], 'suspect', ['join', 'suspect']],
  [[alive(1), accused('suspect', 1), alive(2)], 'alive', ['join', 'suspect', 'alive']],
  [[alive(2), accused('suspect', 1)], 'alive', ['join']],
  [[alive(1), accused('dead', 1), accused('suspect', 1)], 'dead', ['join', 'dead']],
  [[alive(1), accused('dead', 1), accused('suspect', 2)], 'suspect', ['join', 'dead', 'suspect']],
  [[alive(1), accused('dead', 1), alive(2)], 'alive', ['join', 'dead', 'join']],
  [[alive(1), accused('left', 1), accused('dead', 1)], 'left', ['join', 'left']],
  [[alive(1), accused('left', 1), alive(1)], 'left', ['join', 'left']],
  [[alive(1), alive(2)], 'alive', ['join', 'update']],
  // Accusations alone make no member: nobody comes back from the grave by being talked of.
  [[accused('suspect', 1)], undefined, []],
  [[accused('dead', 5), accused('left', 5)], undefined, []],
  [[accused('dead', 5), alive(5)], 'dead', ['dead']],
  [[accused('dead', 5), alive(6)], 'alive', ['join']],
])('%j makes %s', (updates, state, kinds) => {
  const { members, events } = hear(updates)
  expect(members.get('00')?.state).toBe(state)
  expect(events.map(({ kind }) => kind)).toEqual(kinds)
})

describe('two nodes with one id', () => {
  const other = (incarnation: number, state: Update['state'] = 'alive') => ({
    ...accused(state, incarnation),
    url: 'http://10.0.0.2:1',
  })

  test('the first keeps it while it lives, and the conflict is told', () => {
    const { members, events, outcomes } = hear([alive(1), other(2)])
    expect(outcomes.at(-1)).toBe('conflict')
    expect(members.get('00')?.url).toBe(urlOf('00'))
    expect(events.map(({ kind }) => kind)).toEqual(['join', 'conflict'])
  })

  test.each(['dead', 'left'] as const)('of one that is %s it is taken over', (state) => {
    const { members, outcomes } = hear([alive(1), accused(state, 1), other(2)])
    expect(outcomes.at(-1)).toBe('news')
    expect(members.get('00')).toMatchObject({ url: other(2).url, state: 'alive' })
  })

  test('what is said of the other one is not heeded', () => {
    expect(hear([alive(1), other(3, 'dead')]).members.get('00')?.state).toBe('alive')
  })
})

describe('those who are gone', () => {
  test('are remembered for a while, so that nothing old brings them back', () => {
    const { members, events } = hear([alive(3), accused('left', 3)])
    members.reap(7)
    expect(members.merge(alive(3), 8)).toBe('stale')
    members.reap(8)
    expect(members.all()).toEqual([])
    expect(events.map(({ kind }) => kind)).toEqual(['join', 'left', 'reap'])
  })

  test('who lives, or is suspected, is not forgotten', () => {
    const { members } = hear([alive(3), { ...accused('suspect', 3), id: '01' }, { ...alive(3), id: '01' }])
    members.reap(1000)
    expect(members.all()).toHaveLength(2)
  })
})

/** Where nothing was heard of any. */
const never = -Infinity

describe('there are some who have lived on apart', () => {
  const settled = (update: Update): Update => ({ ...update, settled: true })
  const suspect = (update: Update): Update => ({ ...update, state: 'suspect', from: '00' })
  const elsewhere = (update: Update): Update => ({ ...update, id: `1${update.id}`, url: `${update.url}1` })
  const known = [said('01', 1, 'alive'), said('02', 1, 'alive')]
  const dead = [said('01', 1, 'dead', '00'), said('02', 1, 'dead', '00')]
  const suspects = [said('01', 1, 'suspect', '00'), said('02', 1, 'suspect', '00')]
  const gone = [said('01', 1, 'left'), said('02', 1, 'left')]
  const [one, two, newcomer] = [said('01', 2, 'alive'), said('02', 2, 'alive'), said('03', 5001, 'alive')]
  const at = (now: number, update: Update) => ({ now, update })

  /** What is heard at 0, then, and when a reunion was noted last. */
  const lastAt = (first: readonly Update[], then: readonly { now: number; update: Update }[], knowsOthers = true) => {
    const reunions = new Reunions({ settleMs: 10_000, knowsOthers: () => knowsOthers, isRefused: () => false })
    const members = new Members(() => {}, reunions)
    for (const update of [...known, ...first]) members.merge(update, 0)
    for (const { now, update } of then) {
      if (update.state === 'left') members.reap(now)
      members.merge(update, now)
    }
    return reunions.lastAt
  }

  test.each([
    ['two who were taken for dead', dead, [at(5000, one), at(6000, two)], 6000],
    ['two, one long after the other', dead, [at(5000, one), at(9000, two)], never],
    ['two, who are suspected at once', dead, [at(5000, suspect(one)), at(6000, suspect(two))], 6000],
    [
      'two of whom only their deaths were heard',
      dead.map(elsewhere),
      [at(5000, elsewhere(one)), at(6000, elsewhere(two))],
      6000,
    ],
    ['one alone', dead, [at(5000, settled(one))], never],
    ['one alone, twice', dead, [at(5000, one), at(5500, said('01', 2, 'dead')), at(6000, said('01', 3, 'alive'))], never],
    ['one alone that was gone for half a minute', dead, [at(30_000, one)], 30_000],
    ['one, and whoever came to it', dead, [at(5000, one), at(6000, newcomer)], 6000],
    ['one, after whoever came to it', dead, [at(5000, newcomer), at(6000, one)], 6000],
    ['one, and long after it a newcomer', dead, [at(5000, one), at(9000, newcomer)], never],
    ['one of whom nobody knew', [], [at(5000, settled(newcomer))], 5000],
    ['one of whom only suspicion was heard', [suspect(newcomer)], [at(5000, settled(newcomer))], 5000],
    ['one of a new life, which is not new', dead, [at(5000, settled(said('01', 5001, 'alive')))], 5000],
    [
      'the same, suspected at once',
      dead,
      [at(5000, suspect(said('01', 5001, 'alive'))), at(6000, settled(said('01', 5002, 'alive')))],
      6000,
    ],
    ['one who was forgotten', dead, [at(90_000, { ...one, id: '04', state: 'left' }), at(90_000, settled(one))], 90_000],
  ])('as is known by %s', (_, first, then, expected) => expect(lastAt(first, then)).toBe(expected))

  test.each([
    ['newcomers', [], [at(5000, newcomer), at(5000, { ...newcomer, id: '04' })]],
    ['a newcomer who is still there', [], [at(5000, newcomer), at(20_000, settled(said('03', 5002, 'alive')))]],
    ['two new lives', dead, [at(40_000, said('01', 5001, 'alive')), at(40_000, said('02', 5001, 'alive'))]],
    ['two who were only suspected', suspects, [at(40_000, settled(one)), at(40_000, settled(two))]],
    ['two who have left', gone, [at(40_000, settled(one)), at(40_000, settled(two))]],
    ['one of whom only tags are news', [said('01', 3, 'dead', '00')], [at(40_000, settled(said('01', 2, 'alive')))]],
  ])('as is not known by %s', (_, first, then) => expect(lastAt(first, then)).toBe(never))

  test('to one that has just come everyone is new', () => {
    expect(lastAt([], [at(5000, settled(newcomer))], false)).toBe(never)
  })
})

test.each([
  ['a newcomer', said('01', 5, 'alive'), [undefined, undefined, true]],
  ['one that was there when it was heard of', { ...said('01', 5, 'alive'), settled: true as const }, [true, true, true]],
  ['one that was only accused', said('01', 5, 'suspect', '00'), [undefined, undefined, undefined]],
])('whether it was there for a while, of %s', (_, update, settled) => {
  const { members } = hear([said('01', 5, 'alive')].filter(() => update.state === 'suspect'))
  members.merge(update, 7)
  const [member] = members.all() as [Member]
  expect([7, 10_006, 10_007].map((now) => asUpdate(member, now).settled)).toEqual(settled)
})

test('a full table takes nobody more, and still heeds what is said of those in it', () => {
  const crowd = Array.from({ length: membersMost }, (_, at) => ({ ...alive(1), id: at.toString(16).padStart(4, '0') }))
  const { members } = hear(crowd)
  expect(members.merge({ ...alive(1), id: 'ffff' }, 7)).toBe('full')
  expect(members.merge({ ...accused('dead', 1), id: 'fffe' }, 7)).toBe('full')
  expect(members.merge({ ...accused('dead', 1), id: '0000' }, 7)).toBe('news')
  expect(members.all()).toHaveLength(membersMost)
})
