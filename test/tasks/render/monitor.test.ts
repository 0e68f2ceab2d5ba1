import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { copiesIn, type Frame, movedBetween, renderFrame, type Setting, type Watched } from '../../../tasks/render/monitor.ts'
import { overlayNames } from '../../../src/overlay/overlays.ts'
import { ownHeads } from '../../../tasks/render/status.ts'
import { colourPaint, columnsOf, type Paint, plainPaint } from '../../../tasks/render/text.ts'

const network = { overlay: 'chord', bits: 8, replicas: 1, ownership: 'successor', mode: 'fingers' } as const

const drawn = (shown: Frame, more: Omit<Setting, 'copies'>, paint: Paint) =>
  renderFrame(shown, { ...more, copies: copiesIn(shown) }, paint)

describe('the monitor', () => {
  const node = (port: string, id: string, owned: number, more: Partial<Watched> = {}): Watched => ({
    port,
    id,
    condition: 'running',
    state: 'ready',
    owned,
    replicas: 0,
    moving: 0,
    complete: true,
    ...more,
  })
  const frame = (...nodes: Watched[]): Frame => ({ network, nodes })
  const before = frame(node('10001', '0c', 35), node('10005', '39', 19), node('10009', '41', 10))

  test('what moved adds up to what came and went', () => {
    const counts = fc.array(fc.tuple(fc.constantFrom('0c', '39', '41', '77'), fc.nat(50)), { maxLength: 4 })
    const framed = (pairs: [string, number][]) =>
      frame(...new Map(pairs.map(([id, owned]) => [id, node(id, id, owned)])).values())
    const total = ({ nodes }: Frame) => nodes.reduce((sum, { owned }) => sum + owned, 0)
    fc.assert(
      fc.property(counts, counts, (some, others) => {
        const [from, to] = [framed(some), framed(others)]
        const by = [...movedBetween(from, to).values()].reduce((sum, one) => sum + one, 0)
        expect(by).toBe(total(to) - total(from))
      }),
    )
  })

  const setting = {
    time: '12:04:31',
    everySeconds: 1,
    before,
    deadMs: new Map([['39', 4000]]),
    events: ['12:04:27 10005 dead'],
    columns: 80,
    rows: 24,
  }

  test('draws the ring in order: a bar, what moved, some content, who is dead and who inherits', () => {
    const after = frame(
      node('10001', '0c', 35, { latest: 'dolor sit amet', own: ['10009', '10009'] }),
      node('10005', '39', 0, { condition: 'dead' }),
      node('10009', '41', 20, {
        own: ['10001', '10001'],
        latest: 'a very long value that will not fit into what is left of the line',
      }),
    )
    const lines = drawn(after, setting, plainPaint)
    expect(lines.join('\n')).toMatchInlineSnapshot(`
      "polychord monitor · 12:04:31 · every 1 s · chord · 55 values
      NODE   ID  █ owned ░ replicas        N  MOVED   PRED   SUCC  LATEST
      10001  0c  ██████████████████       35         10009  10009  "dolor sit amet"
      10005  39  ✗ dead 4 s · heir 10009   –    -19      –      –
      10009  41  ██████████               20    +10  10001  10001  "a very long value…
      12:04:27 10005 dead"
    `)
    expect(Math.max(...lines.map(columnsOf))).toBeLessThanOrEqual(80)
  })

  test.each(overlayNames)('stays within 80 columns when nodes of %s go', (overlay) => {
    const watched = (id: string, more: Partial<Watched>): Watched => node(`300${id}`, id.repeat(3), 12_345, more)
    const shown: Frame = {
      network: { overlay, bits: 160, replicas: 3 },
      nodes: [
        watched('10', { own: ownHeads({ overlay, bits: 160, replicas: 3 }).map(() => '30010'), latest: 'a value' }),
        watched('20', { condition: 'dead', seenAs: 'alive' }),
        watched('30', { condition: 'dead', seenAs: 'suspect' }),
        watched('40', { condition: 'silent', seenAs: 'suspect' }),
        watched('50', { condition: 'foreign' }),
      ],
    }
    const lines = drawn(shown, { ...setting, before: shown, deadMs: new Map([['202020', 12 * 60_000]]) }, plainPaint)
    expect(lines.filter((line) => columnsOf(line) > 80)).toEqual([])
    const text = lines.join('\n')
    for (const words of ['✗ dead 12 min', 'heir 30010', 'unnoticed', '✗ does not answer', '✗ not ours'])
      expect(text).toContain(words)
  })

  test('tells of a death long ago in hours', () => {
    const long = frame(node('10001', '0c', 35), node('10005', '39', 0, { condition: 'dead' }))
    const lines = drawn(long, { ...setting, deadMs: new Map([['39', 10_800_000]]) }, plainPaint)
    expect(lines[3]).toContain('✗ dead 3 h · heir 10001')
  })

  test('with copies, counts them', () => {
    const copied = { network: { ...network, replicas: 3 }, nodes: [node('1', '0c', 4, { replicas: 3 }), node('2', '39', 0)] }
    expect(drawn(copied, setting, plainPaint)[0]).toBe(
      'polychord monitor · 12:04:31 · every 1 s · chord · 4 values · 7 of 8 copies',
    )
  })

  test('stays within the window with much content, too', () => {
    const nodes = Array.from({ length: 30 }, (_, at) => node('10001', `${10 + at}`, 1_000_000, { replicas: 1_999_999 }))
    const lines = drawn({ network: { ...network, replicas: 3 }, nodes }, setting, colourPaint)
    expect(Math.max(...lines.map(columnsOf))).toBeLessThanOrEqual(80)
    expect(lines.length).toBeLessThan(setting.rows)
    expect(lines[1]).toBe('89999970 of 90000000 copies')
  })

  test('says of a node that it has not caught up yet', () => {
    const behind = (moving: number) => frame(node('10001', '0c', 4, { complete: false, moving, latest: 'lorem' }))
    const rowOf = (moving: number) => drawn(behind(moving), setting, plainPaint)[2]
    expect(rowOf(0)).toMatch(/^10001  0c  █+ +4 +-31 +–     –  ↻ catching up$/)
    expect(rowOf(120)).toMatch(/^10001  0c  █+ +4 +-31 +–     –  ↻ 120 moving$/)
  })

  test('says of a node that leaves how much it has still to hand over', () => {
    const leaving = (moving: number) => frame(node('10001', '0c', 4, { state: 'leaving', complete: false, moving }))
    const rowOf = (moving: number) => drawn(leaving(moving), setting, plainPaint)[2]
    expect(rowOf(12)).toMatch(/ {2}↻ leaving · 12 to go$/)
    expect(rowOf(0)).toMatch(/ {2}↻ leaving$/)
  })

  test('does not grow beyond the window', () => {
    const many = frame(...Array.from({ length: 100 }, (_, at) => node(String(10001 + at), String(at).padStart(4, '0'), at)))
    const lines = drawn(many, setting, plainPaint)
    expect(lines.length).toBeLessThan(setting.rows)
    expect(lines).toContain('… 83 more nodes; a taller window shows them')
    const events = Array.from({ length: 6 }, (_, at) => `12:04:2${at} 10005 dead`)
    const small = drawn(many, { ...setting, events, columns: 40, rows: 10 }, plainPaint)
    expect(small.length).toBeLessThan(10)
    expect(small.at(-1)).toBe('12:04:25 10005 dead')
  })
})
