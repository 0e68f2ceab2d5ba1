import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { TaskFailure } from '../../tasks/failure.ts'
import { takeLock } from '../../tasks/lock.ts'
import { assertOptions, emptyState, type NetworkState, parseState, printState } from '../../tasks/state.ts'

const state: NetworkState = {
  version: 2,
  network: {
    id: '7f3a000000000000',
    port: 10001,
    nodes: 2,
    options: { overlay: 'chord', bits: 160, replicas: 3, allowCustomIds: false },
  },
  processes: [
    {
      name: 'node-10001',
      id: '0ce23a',
      url: 'http://127.0.0.1:10001',
      pid: 4711,
      incarnation: 1763640000000,
      startedAt: '2025-11-20T12:00:00.000Z',
      state: 'running',
      logFile: '.polychord/logs/node-10001.log',
      dataDir: '.polychord/data/node-10001',
    },
  ],
}
const [entry] = state.processes
const parse = (text: string) => parseState(text, 'network-state.json')

test('the file that is committed is the empty state, byte by byte', () => {
  expect(readFileSync('network-state.json', 'utf8')).toBe(printState(emptyState))
  expect(printState(emptyState)).toBe('{\n  "version": 2,\n  "network": null,\n  "processes": []\n}\n')
})

test('what is printed is read again', () => {
  expect(parse(printState(state))).toEqual(state)
})

test.each([
  ['', 'network-state.json is not JSON; restore it, or to begin anew, delete it and type: npm run task killall'],
  [printState(state).slice(0, 200), 'is not JSON'],
  ['{"version":1,"nodes":[]}', 'was written by another version of polychord (state 1, this one reads 2)'],
  ['[]', 'is not a network state'],
  ['null', 'is not a network state'],
  ['{}', 'is not a network state'],
  // killall would say that no network was running, forget the processes and leave them.
  [printState({ ...state, network: null }), 'has processes, and no network that they belong to'],
  [printState({ ...state, processes: [{ ...entry!, pid: 1 }] }), '/processes/0/pid'],
  [printState({ ...state, processes: [{ ...entry!, pid: -4711 }] }), '/processes/0/pid'],
  [printState({ ...state, processes: [{ ...entry!, logFile: '../../etc/passwd' }] }), '/processes/0/logFile must match'],
  [printState({ ...state, processes: [{ ...entry!, dataDir: '.polychord/data/..' }] }), '/processes/0/dataDir must match'],
  [printState({ ...state, processes: [{ ...entry!, url: 'http://127.0.0.1:1/#' }] }), '/processes/0/url must match'],
  // Were told to report a defect.
  [printState({ ...state, processes: [{ ...entry!, url: 'http://127.0.0.1:99999' }] }), 'which is no address'],
  // Was counted twice.
  [printState({ ...state, processes: [entry!, { ...entry!, name: 'node-1' }] }), `has ${entry!.url} twice`],
])('refused with the way out: %s', (text, message) => {
  expect(() => parse(text)).toThrow(TaskFailure)
  expect(() => parse(text)).toThrow(message)
  expect(() => parse(text)).toThrow(/restore it|stop that network/)
})

test('no text makes reading it fail in any other way', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc
          .record({ version: fc.constant(2), network: fc.jsonValue(), processes: fc.jsonValue() })
          .map((value) => JSON.stringify(value)),
      ),
      (text) => {
        try {
          parse(text)
        } catch (error) {
          expect(error).toBeInstanceOf(TaskFailure)
        }
      },
    ),
  )
})

test.each([
  [{ overlay: 'ring' }, /options that no node takes: overlay/],
  [{ replicas: 'x' }, /options that no node takes: replicas/],
  [{ overlay: undefined }, /options that no node takes: overlay is missing/],
])('options that no node takes are refused where nodes are asked or started: %o', (options, message) => {
  const all = { ...state.network!.options, ...options } as Record<string, string>
  const { network } = parse(printState({ ...state, network: { ...state.network!, options: all } }))
  expect(() => assertOptions(network!)).toThrow(message)
  expect(() => assertOptions(network!)).toThrow(TaskFailure)
  expect(() => assertOptions(state.network!)).not.toThrow()
})

/** A temporary one, for a while. */
const withFolder = async (use: (folder: string) => Promise<void>): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), 'polychord-folder-'))
  try {
    await use(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** The lock of a file, told that it was lost after something has happened to it. */
const loses = (happen: (file: string) => void, withinMs: number) =>
  withFolder(async (folder) => {
    const file = join(folder, 'state.json')
    writeFileSync(file, '{}')
    const held = await takeLock(file, { stale: 2000 })
    held.assertHeld()
    happen(file)
    const holds = () => {
      try {
        held.assertHeld()
        return true
      } catch (error) {
        expect(error).toBeInstanceOf(TaskFailure)
        expect(String(error)).toContain('lost its lock')
        return false
      }
    }
    for (const deadline = performance.now() + withinMs; holds(); await sleep(100))
      if (performance.now() > deadline) throw new Error('the lock is still held')
    await held.release()
  })

test('whoever stood still for longer than its lock lasts is told so before it writes', () =>
  // As SIGSTOP does it.
  loses(() => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2500), 0))

test('whoever has lost its lock is told so, and nothing else falls over it', () =>
  loses((file) => rmSync(`${file}.lock`, { recursive: true }), 20_000))
