/**
 * Ports for tests, below those that the system gives by itself, so that nobody takes one between when it is found free and when it is
 * used. Each process of a run has its own, and most runs at once have others.
 */
import { createServer } from 'node:net'

const first = 11_000
const perProcess = 1000
const processesOfRun = 3
const runs = 7

const base =
  first +
  perProcess * (processesOfRun * (process.ppid % runs) + ((Number(process.env['VITEST_POOL_ID'] ?? 1) - 1) % processesOfRun))
let given = 0

/** The first of so many ports in a row that are the caller's alone. */
export const portsInARow = (count: number): number => {
  if (given + count > perProcess) given = 0
  given += count
  return base + given - count
}

export const freePort = async (): Promise<number> => {
  for (;;) {
    const port = portsInARow(1)
    if (await isFree(port)) return port
  }
}

export const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  })
