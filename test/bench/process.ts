/** Processes: what they have cost, and ones that end with the bench. Reads /proc, so it measures on Linux only. */
import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { isFree } from '../ports.ts'
import { remember } from './ending.ts'
/** A clock tick of /proc, on every Linux that Node runs on. */
const tickMs = 10

/** User and system time of a process so far, in ms; in steps of 10 ms. */
export const cpuMs = (pid: number): number => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The name of the program, in parentheses, may hold blanks; the times are the 12th and 13th field after it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * tickMs
}

/** Memory of a process in MiB, with what it shares divided among those that share it. */
export const pssMiB = (pid: number): number => {
  const [, kib] = /^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')) ?? []
  if (kib === undefined) throw new Error(`/proc/${pid}/smaps_rollup tells no Pss`)
  return Number(kib) / 1024
}

/** What a program prints, once it has ended well. @throws Error with what it said when it fails */
export const run = async (
  file: string,
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> => {
  const child = spawn(process.execPath, [file, ...words], { env: clean(env), stdio: ['ignore', 'pipe', 'pipe'] })
  const end = remember(() => void child.kill('SIGKILL'))
  let said = ''
  let complained = ''
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (complained += chunk.toString()))
  try {
    const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve))
    if (code !== 0) throw new Error(`${[file, ...words].join(' ')} ended with ${String(code)}:\n${complained}${said}`)
    return said
  } finally {
    end()
  }
}

/**
 * A program that may be installed: what the variable names, else what the path has; undefined when there is none.
 * @throws Error when what is named is no program
 */
export const findProgram = (name: string, variable: string): string | undefined => {
  const named = process.env[variable]
  if (named !== undefined) {
    accessSync(named, constants.X_OK)
    return named
  }
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find(isProgram)
}

const isProgram = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

export interface Started {
  readonly pid: number
  /** Its CPU time at the moment when it said that it was ready. */
  readonly startCpuMs: number
  end(): void
}

/**
 * Starts a server that says `{ ready }` over IPC, as tasks start a node (tasks/launch.ts).
 * @param log an open file
 * @throws Error when it ends before it is ready
 */
export const start = (script: string, env: Readonly<Record<string, string>>, log: number): Promise<Started> => {
  const child = spawn(process.execPath, [script], {
    env: clean({ MALLOC_TRIM_THRESHOLD_: '131072', POLYCHORD_INCARNATION: String(Date.now()), ...env }),
    detached: true,
    stdio: ['ignore', log, log, 'ipc'],
  })
  const end = remember(() => void child.kill('SIGKILL'))
  child.send({ noted: true })
  return new Promise((resolve, reject) => {
    child.once('message', (message: object) => {
      if ('ready' in message) resolve({ pid: pidOf(child), startCpuMs: cpuMs(pidOf(child)), end })
      else reject(new Error(`${script} said ${JSON.stringify(message)}`))
    })
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`${script} ended with ${String(code)} before it was ready`)))
  })
}

const pidOf = ({ pid }: ChildProcess): number => {
  if (pid === undefined) throw new Error('a process was not started')
  return pid
}

/** This environment, without what npm and a network of the user's own have put there. */
export const clean = (env: Readonly<Record<string, string>>): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(POLYCHORD|npm)_|^(INIT_CWD|NODE_OPTIONS)$/.test(name)),
  ),
  ...env,
})

/** Below the range from which the system gives ports to clients. */
const firstPort = 24_001
let nextPort = firstPort

/** By its port a node has its id, and its part of all keys: each part begins with the same ports, as far as they are free again. */
export const beginPorts = (): void => {
  nextPort = firstPort
}

export const freePort = async (): Promise<number> => {
  for (; nextPort < 32_000; nextPort++) if (await isFree(nextPort)) return nextPort++
  throw new Error(`no port from ${firstPort} to 31999 is free`)
}
