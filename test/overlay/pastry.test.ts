import { overlaySuite } from './overlay.suite.ts'
import { portsInARow } from '../ports.ts'

overlaySuite('pastry', {
  swarms: [3, 9],
  scenarios: ['two-joins', 'taken-id', 'both-leave', 'split', 'power-cut'],
  port: portsInARow(20),
})
