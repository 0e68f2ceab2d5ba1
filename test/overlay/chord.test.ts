import { overlaySuite } from './overlay.suite.ts'

/** Scenarios are played in test/sim. */
overlaySuite('chord', { port: 25_000 + (process.pid % 200) * 20 })
