import { expect, test } from 'vitest'
import { parseConfig } from '../../src/node/config.ts'
import { TableGuard } from '../../src/sim/guard.ts'

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
