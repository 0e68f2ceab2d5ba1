/** Whether a process is alive, whether it is the one that was recorded, and how to end it. */
import { readFileSync, readlinkSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { TaskFailure } from './failure.ts'

/** How long a node may take over a SIGTERM; it promises 5 s. */
const graceMs = 6000
const pollMs = 25

/** A process that has ended but that nobody has waited for yet is not alive. */
export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error
    return error.code === 'EPERM'
  }
  const stat = readProc(pid, 'stat')
  return stat === undefined || !isOver(stat)
}

/**
 * Whether a line of /proc/<pid>/stat tells of a process that has ended. Its first thread may have while others have not yet:
 * they hold its ports. proc(5): the name may hold anything, the state is the third field, the threads are the twentieth.
 */
export const isOver = (stat: string): boolean => {
  const [state, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return state === 'Z' && Number(rest[16]) <= 1
}

/** Whether the environment of a process holds all of these; undefined where that cannot be read. */
export const hasEnvironment = (pid: number, wanted: Readonly<Record<string, string>>): boolean | undefined => {
  const variables = readProc(pid, 'environ')?.split('\0')
  return variables && Object.entries(wanted).every(([name, value]) => variables.includes(`${name}=${value}`))
}

/** Where a process works; undefined where that cannot be read, or has been removed. A directory that is moved stays the same. */
export const directoryOf = (pid: number): string | undefined => {
  try {
    const directory = readlinkSync(`/proc/${pid}/cwd`)
    return directory.endsWith(' (deleted)') ? undefined : directory
  } catch (error) {
    if (error instanceof Error && 'code' in error) return undefined
    throw error
  }
}

/** SIGTERM, and SIGKILL for those that do not heed it. @throws TaskFailure when one outlives that too */
export const endProcess = async (pid: number): Promise<void> => {
  signal(pid, 'SIGTERM')
  if (await hasEnded(pid, graceMs)) return
  await killProcess(pid)
}

/** SIGKILL. @throws TaskFailure when it is still there after a while */
export const killProcess = async (pid: number): Promise<void> => {
  signal(pid, 'SIGKILL')
  if (!(await hasEnded(pid, graceMs))) throw new TaskFailure(`process ${pid} does not end, not even by SIGKILL`)
}

/** Waits for the end of a process; false when it is alive after `timeoutMs`. */
export const hasEnded = async (pid: number, timeoutMs: number): Promise<boolean> => {
  for (const deadline = performance.now() + timeoutMs; isAlive(pid); ) {
    if (performance.now() > deadline) return false
    await sleep(pollMs)
  }
  return true
}

/** Nothing happens where there is no such process. */
export const signal = (pid: number, name: NodeJS.Signals) => {
  try {
    process.kill(pid, name)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}

/** undefined where there is no /proc, no such process, or none of ours. */
const readProc = (pid: number, file: string): string | undefined => {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error) return undefined
    throw error
  }
}
