import { overlaySuite } from './overlay.suite.ts'
import { portsInARow } from '../ports.ts'

/** Scenarios are played in test/sim. */
overlaySuite('chord', { port: portsInARow(20) })
