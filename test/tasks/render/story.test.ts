import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Frame, Watched } from '../../../tasks/render/monitor.ts'
import { beginStory, printEvent, type Story, tellMore } from '../../../tasks/render/story.ts'

const shared = { overlay: 'chord', bits: 8, ownership: 'successor', mode: 'fingers' } as const

const node = (port: string, id: string, owned: number, replicas: number, more: Partial<Watched> = {}): Watched => ({
  port,
  id,
  condition: 'running',
  state: 'ready',
  owned,
  replicas,
  moving: 0,
  complete: true,
  ...more,
})
const frameOf =
  (replicas: number) =>
  (...nodes: Watched[]): Frame => ({ network: { ...shared, replicas }, nodes })

/** The story of frames, as its lines read after each of them. */
const told = (...frames: Frame[]): string[][] => {
  const [first] = frames as [Frame]
  let story: Story = beginStory(first)
  return frames.slice(1).map((frame, at) => {
    story = tellMore(story, frames[at] ?? first, frame, `${at + 1}`)
    return story.events.map(printEvent)
  })
}

describe('with three copies', () => {
  const frame = frameOf(3)
  const before = frame(node('1', '10', 30, 60), node('2', '40', 30, 60), node('3', '80', 40, 80))
  const four = (owned: number) => ['10', '40', '80', 'c0'].map((id, at) => node(`${at + 1}`, id, owned, 2 * owned))

  test('values that are deleted right after someone joined are no copies made', () => {
    const fewer = frame(...four(15))
    const lines = told(before, frame(...four(25)), ...Array.from({ length: 7 }, () => fewer))
    expect(lines.flat().filter((line) => line.includes('made'))).toEqual([])
    expect(lines.at(-1)).toEqual(['1 4 joined', '6 40 values gone'])
  })

  test('of one that no task has started nobody says how it went', () => {
    const stranger = node('9', 'f0', 0, 0, { isStranger: true })
    expect(told(frame(...before.nodes, stranger), before)).toEqual([['1 9 gone']])
  })
})

describe('with one copy of each record', () => {
  const frame = frameOf(1)
  const alone = (port: string, id: string, owned: number, more: Partial<Watched> = {}) => node(port, id, owned, 0, more)
  const before = frame(alone('10001', '0c', 35), alone('10005', '39', 19), alone('10009', '41', 10))

  test.each([
    ['nothing', before, []],
    ['a node that joined', frame(...before.nodes, alone('10011', '77', 0)), ['10011 joined']],
    ['one that starts', frame(...before.nodes, alone('10011', '77', 0, { condition: 'starting' })), []],
    [
      'one that left, its keys moved',
      frame(alone('10001', '0c', 35), alone('10009', '41', 29)),
      ['10005 left', '19 keys moved: 10005 → 10009'],
    ],
    [
      'one that died, its keys gone with it',
      frame(alone('10001', '0c', 35), alone('10005', '39', 0, { condition: 'dead' }), alone('10009', '41', 10)),
      ['10005 dead', '19 keys gone'],
    ],
    [
      'keys stored at several',
      frame(alone('10001', '0c', 36), alone('10005', '39', 21), alone('10009', '41', 10)),
      ['3 keys stored'],
    ],
    [
      'keys moved among several',
      frame(alone('10001', '0c', 30), alone('10005', '39', 21), alone('10009', '41', 13)),
      ['5 keys moved'],
    ],
    [
      'a stopped one',
      frame(alone('10001', '0c', 35), alone('10005', '39', 19, { condition: 'silent' }), alone('10009', '41', 10)),
      ['10005 does not answer'],
    ],
    ['one that leaves', frame(alone('10001', '0c', 35, { state: 'leaving' }), ...before.nodes.slice(1)), ['10001 is leaving']],
  ])('tells of %s', (_, after, events) => expect(told(before, after)).toEqual([events.map((event) => `1 ${event}`)]))
})

describe('with several copies', () => {
  const frame = frameOf(3)
  const four = frame(node('1', '10', 30, 45), node('2', '40', 20, 55), node('3', '80', 20, 55), node('4', 'c0', 30, 45))
  const dead = node('2', '40', 0, 0, { condition: 'dead' })
  /** Node 3 owns what node 2 did, and so many copies of the others have been made. */
  const after = (made: number, more: Partial<Watched> = {}) =>
    frame(node('1', '10', 30, 45), dead, node('3', '80', 40, 35), node('4', 'c0', 30, 45 + made, more))

  test('a death is one event from the loss to the last copy restored, whatever the counts say meanwhile', () => {
    const unnoticed = frame(node('1', '10', 30, 45), dead, node('3', '80', 20, 55), node('4', 'c0', 30, 45))
    expect(told(four, unnoticed, after(0), after(30), after(30), after(75), after(75))).toEqual([
      ['1 2 dead · 75 copies on their way ↻'],
      ['1 2 dead · 75 copies on their way ↻'],
      ['1 2 dead · 30 copies restored, 45 on their way ↻'],
      ['1 2 dead · 30 copies restored, 45 on their way ↻'],
      ['1 2 dead · 75 copies restored'],
      ['1 2 dead · 75 copies restored'],
    ])
  })

  test('what a dead one owned is there all the same, though nobody owns it yet', () => {
    const unnoticed = frame(node('1', '10', 30, 45), dead, node('3', '80', 20, 55), node('4', 'c0', 30, 45))
    const { copies } = tellMore(beginStory(four), four, unnoticed, '1')
    expect(copies).toEqual({ values: 100, there: 225, wanted: 300 })
  })

  test('when another one goes meanwhile, what is missing is told of that', () => {
    const both = frame(node('1', '10', 50, 40), dead, node('3', '80', 50, 20), { ...dead, port: '4', id: 'c0' })
    expect(told(four, after(0), after(30), both).at(-1)).toEqual([
      '1 2 dead · 30 copies restored',
      '3 4 dead · 40 copies on their way ↻',
    ])
  })

  test('who joins has copies made', () => {
    const joined = frame(...four.nodes, node('5', 'e0', 0, 0))
    const lagging = frame(...four.nodes.slice(0, 3), node('4', 'c0', 20, 0), node('5', 'e0', 10, 0))
    expect(told(four, joined, lagging, joined).at(-1)).toEqual(['1 5 joined · 45 copies made'])
  })

  test('what others take over of one that did not answer from the start is not told as stored', () => {
    const silent = frame(
      node('1', '10', 30, 45),
      { ...dead, condition: 'silent' },
      node('3', '80', 20, 55),
      node('4', 'c0', 30, 45),
    )
    const story = told(silent, after(0), ...Array.from({ length: 6 }, () => after(75)))
    expect(story.flat()).toEqual([])
  })

  test('values are told of when nothing else is going on', () => {
    const more = frame(node('1', '10', 40, 65), ...four.nodes.slice(1))
    expect(told(four, more)).toEqual([['1 10 values stored']])
    expect(told(more, four)).toEqual([['1 10 values gone']])
    // Those that were stored during a repair are told of after it.
    const grown = (at: number) => frame(node('1', '10', 40, 65), dead, ...after(at).nodes.slice(2))
    const story = told(four, after(0), grown(75), ...Array.from({ length: 5 }, () => grown(75)))
    expect(story.at(2)).toEqual(['1 2 dead · 75 copies restored'])
    expect(story.at(-1)).toEqual(['1 2 dead · 75 copies restored', '6 10 values stored'])
  })

  test('a snapshot that caught a write half way is no repair of a death long ago', () => {
    const half = frame(node('1', '10', 31, 45), dead, ...after(75).nodes.slice(2))
    const calm = Array.from({ length: 6 }, () => after(75))
    expect(told(four, after(0), ...calm, half).at(-1)).toEqual(['1 2 dead · 75 copies restored', '8 1 value stored'])
  })

  test('whatever happens, few lines stay, and they make sense', () => {
    const counts = fc.array(fc.tuple(fc.nat(50), fc.nat(50), fc.constantFrom('running', 'dead', 'silent', 'starting')), {
      maxLength: 4,
    })
    fc.assert(
      fc.property(fc.array(counts, { minLength: 2, maxLength: 20 }), fc.integer({ min: 1, max: 3 }), (rows, replicas) => {
        const frames = rows.map((row) =>
          frameOf(replicas)(...row.map(([owned, more, condition], at) => node(`${at}`, `${at}0`, owned, more, { condition }))),
        )
        let story = beginStory(frames[0] as Frame)
        for (const [at, one] of frames.entries()) {
          const next = tellMore(story, frames[at - 1] ?? one, one, `${at}`)
          expect(next.events.length).toBeLessThanOrEqual(6)
          expect(next.events.map(printEvent).every((line) => !/NaN|-\d|undefined/.test(line))).toBe(true)
          story = next
        }
      }),
    )
  })
})
