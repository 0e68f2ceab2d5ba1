import { overlaySuite } from './overlay.suite.ts'

overlaySuite('pastry', {
  swarms: [3, 9],
  scenarios: ['two-joins', 'taken-id', 'both-leave', 'split', 'power-cut'],
  port: 25_000 + (process.pid % 200) * 20,
})
