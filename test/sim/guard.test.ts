import { describe, expect, test } from 'vitest'
import { parseConfig } from '../../src/node/config.ts'
import { TableGuard } from '../../src/sim/guard.ts'
import { RingGuard } from '../../src/sim/ring-guard.ts'

const config = parseConfig({
  name: 'node',
  url: 'http://node.world:1',
  network: '0123456789abcdef',
  incarnation: 1,
  overlay: 'pastry',
})

const peer = (id: string) => ({ id, url: `http://${id}.world:1` })

const showing = (...leaves: readonly string[]) => ({ leafSet: leaves.map(peer), rows: [], neighborhood: [] })

test('whoever has shown someone who is there must not be cut off', () => {
  const guard = new TableGuard(config)
  guard.set('10', showing('20'))
  guard.set('20', showing('10'))
  guard.set('30', showing('20'))
  expect(guard.violations()).toEqual([])
  expect([guard.isIdeal, guard.imperfections()]).toEqual([false, expect.arrayContaining([expect.stringContaining('Ideal: ')])])
  guard.set('30', showing())
  expect(guard.violations()).toMatchObject([expect.stringContaining('30 knows nobody who is there')])
})

test('a newcomer whose one contact has gone, and come back as somebody new, may drop it', () => {
  const guard = new TableGuard(config)
  guard.set('10', showing('40'))
  guard.set('40', showing('10'))
  guard.set('30', showing('20'))
  guard.set('20', showing('40', '10'))
  guard.set('30', showing())
  expect(guard.violations()).toEqual([])
})

test('nobody may fail who is all that another knows, not even one that is about to leave', () => {
  const guard = new TableGuard(config)
  guard.set('10', showing('20', '40'))
  guard.set('20', showing('10', '40'))
  guard.set('30', showing('20'))
  guard.set('40', showing('10', '20'))
  const going = new Set(['30'])
  expect(guard.ids.filter((id) => guard.mayFail(id, going))).toEqual(['10', '30', '40'])
})

test('those who knew only one who has left are as newcomers, until they meet others', () => {
  const guard = new TableGuard(config)
  guard.set('10', showing('20'))
  guard.set('20', showing('10', '30'))
  guard.set('30', showing('20'))
  guard.delete('20')
  expect(guard.violations()).toEqual([])
  guard.set('10', showing('30'))
  guard.set('10', showing())
  expect(guard.violations()).toMatchObject([
    expect.stringContaining('10 knows nobody who is there'),
    expect.stringContaining('30 knows nobody who is there'),
  ])
})

describe('the guard of a ring', () => {
  const ringOf = (lists: Readonly<Record<string, string>>) => {
    const guard = new RingGuard(2, () => [])
    const set = (id: string, list: string) =>
      guard.set(id, { successors: list.split(' ').filter(Boolean).map(peer), predecessor: peer(before[id] ?? id) })
    const before: Record<string, string> = { '10': '50', '20': '10', '30': '20', '40': '30', '50': '40' }
    for (const [id, list] of Object.entries(lists)) set(id, list)
    return { guard, set }
  }
  const five = { '10': '20 30', '20': '30 40', '30': '40 50', '40': '50 10', '50': '10 20' }

  test('once it had members enough whom no list skips demands as many', () => {
    const { guard, set } = ringOf(five)
    const skip = () => {
      for (const [id, list] of [
        ['10', '20 40'],
        ['20', '30 50'],
        ['30', '40 10'],
      ] as const)
        set(id, list)
      return guard.violations()
    }
    expect(skip()).toEqual([])
    for (const [id, list] of Object.entries(five)) set(id, list)
    guard.noteSettled()
    expect(guard.violations()).toEqual([])
    expect(skip()).toEqual([expect.stringContaining('SufficientPrincipals: 2 of 5')])
  })

  test('lets nobody go before, nor so many at once that no list would name anyone who stays', () => {
    const { guard } = ringOf(five)
    expect(guard.mayReturn('60')).toBe(true)
    expect(guard.mayReturn('30')).toBe(false)
    expect(guard.mayGo('30', new Set())).toBe(true)
    expect(guard.mayGo('30', new Set(['50']))).toBe(false)
    expect(ringOf({ '10': '20', '20': '10' }).guard.mayGo('10', new Set())).toBe(false)
  })
})
