/** etcd, three members on this machine, where it is installed. */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { remember } from './ending.ts'
import { clean, freePort } from './process.ts'

const members = 3
const readyWithinMs = 30_000

export interface Etcd {
  /** Of the leader: whoever asks another member pays for one more hop. */
  readonly origin: string
  readonly pids: readonly number[]
}

interface Member {
  readonly origin: string
  readonly child: ChildProcess
}

/** A new cluster with data in a temporary directory, ended afterwards. @throws Error with its log when it does not start */
export const withEtcd = async <T>(program: string, use: (etcd: Etcd) => Promise<T>): Promise<T> => {
  const folder = mkdtempSync(join(tmpdir(), 'polychord-bench-etcd-'))
  const logFile = join(folder, 'log')
  const log = openSync(logFile, 'a')
  const started: Member[] = []
  const end = remember(() => {
    for (const { child } of started) child.kill('SIGKILL')
    closeSync(log)
    // One that is just being killed may still be writing.
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
  })
  try {
    const places: { name: string; client: string; peer: string }[] = []
    for (let at = 0; at < members; at++)
      places.push({ name: `member${at}`, client: await freeOrigin(), peer: await freeOrigin() })
    const cluster = places.map(({ name, peer }) => `${name}=${peer}`).join(',')
    for (const { name, client, peer } of places) {
      const words = [
        ['--name', name, '--data-dir', join(folder, name), '--logger', 'zap', '--log-level', 'error'],
        ['--listen-client-urls', client, '--advertise-client-urls', client],
        ['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
        ['--initial-cluster', cluster, '--initial-cluster-state', 'new'],
      ].flat()
      started.push({ origin: client, child: spawn(program, words, { env: clean({}), stdio: ['ignore', log, log] }) })
    }
    const origin = await leaderOf(started, logFile)
    return await use({ origin, pids: started.map(({ child }) => child.pid ?? NaN) })
  } finally {
    end()
  }
}

const freeOrigin = async (): Promise<string> => `http://127.0.0.1:${await freePort()}`

const leaderOf = async (started: readonly Member[], logFile: string): Promise<string> => {
  for (const until = performance.now() + readyWithinMs; performance.now() < until; await sleep(50)) {
    if (started.some(({ child }) => child.exitCode !== null)) break
    for (const { origin } of started) if (await isLeader(origin)) return origin
  }
  throw new Error(`etcd has no leader; its log: ${readFileSync(logFile, 'utf8')}`)
}

const isLeader = async (origin: string): Promise<boolean> => {
  try {
    const response = await fetch(`${origin}/v3/maintenance/status`, { method: 'POST', body: '{}' })
    const { header, leader } = (await response.json()) as { header?: { member_id?: string }; leader?: string }
    return leader !== undefined && leader === header?.member_id
  } catch {
    return false
  }
}
