import { overlaySuite } from './overlay.suite.ts'
import { portsInARow } from '../ports.ts'

overlaySuite('kademlia', {
  swarms: [3, 10],
  scenarios: [
    'two-joins',
    'taken-id',
    'heirs-leave',
    'both-leave',
    'death-of-a-donor',
    'rolling-restart',
    'split',
    'power-cut',
  ],
  port: portsInARow(20),
})
