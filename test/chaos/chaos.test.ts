import { expect, test } from 'vitest'
import { chaos } from './chaos.ts'
import { portsInARow } from '../ports.ts'

test('nothing acknowledged is lost while real nodes are killed, restarted, added and made to leave', {
  timeout: 180_000,
}, async () => {
  const firstPort = portsInARow(20)
  const report = await chaos({ nodes: 6, seconds: 15, firstPort, seed: 7 })
  expect(report.wrong).toEqual([])
  expect(report.lost).toEqual([])
  expect(report.check).toContain('✓')
  expect(report.acknowledged).toBeGreaterThan(100)
  expect(report.reads).toBeGreaterThan(report.acknowledged)
})
