import { describe, expect, test } from 'vitest'
import type { Member } from '../../../src/protocol/client-api.ts'
import { opinions, renderMembers, type View } from '../../../tasks/render/members.ts'
import { plainPaint } from '../../../tasks/render/text.ts'

const ids = { '10001': '0c', '10002': '39', '10003': '41' } as const
type Port = keyof typeof ids

/** `view('10001', { '10002': 'suspect' })`: of the three, everyone but those is alive. */
const view = (port: Port, states: Partial<Record<Port, Member['state'] | 'unknown'>>, tags = {}): View => ({
  port,
  id: ids[port],
  members: (Object.keys(ids) as Port[]).flatMap((other) => {
    const state = states[other] ?? 'alive'
    if (state === 'unknown') return []
    const incarnation = 1000
    const one = {
      id: ids[other],
      url: `http://127.0.0.1:${other}`,
      name: `node-${other}`,
      state,
      sinceMs: 150_000,
      incarnation,
    }
    return [{ ...one, tags }]
  }),
})

describe('members', () => {
  test('all who see each other are alive', () => {
    const lines = renderMembers([view('10001', {}), view('10002', {}), view('10003', {})], plainPaint, 80)
    expect(lines.join('\n')).toMatchInlineSnapshot(`
      "3 members · as 3 nodes see each other
      NODE   ID  SEEN AS    FOR  TAGS
      10001  0c  alive    2 min
      10002  39  alive    2 min
      10003  41  alive    2 min"
    `)
  })

  test('a node has no say about itself, and whoever differs from the rest is named', () => {
    const views = [
      view('10001', { '10003': 'dead', '10002': 'suspect' }),
      view('10002', { '10003': 'dead' }),
      view('10003', { '10001': 'unknown' }),
    ]
    const [first, second, third] = opinions(views).map(({ by }) => Object.fromEntries(by))
    expect(first).toEqual({ alive: ['10002'], unknown: ['10003'] })
    expect(second).toEqual({ suspect: ['10001'], alive: ['10003'] })
    expect(third).toEqual({ dead: ['10001', '10002'] })
    expect(renderMembers(views, plainPaint, 80)[3]).toContain('suspect by 10001')
  })

  test('of many opinions each is counted', () => {
    const views = [view('10001', {}), view('10002', { '10001': 'suspect' }), view('10003', { '10001': 'dead' })]
    const fourth = { ...view('10003', {}), id: '77', port: '10004' }
    expect(renderMembers([...views, fourth], plainPaint, 80)[2]).toContain('alive by 1 · suspect by 1 · dead by 1')
  })

  test('what a stranger calls its tags does not act on the terminal', () => {
    const [, , row] = renderMembers([view('10001', {}, { zone: '\u001b[2Ja' })], plainPaint, 80)
    expect(row).toContain('zone=\\u{1b}[2Ja')
  })
})
