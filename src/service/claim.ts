/**
 * One process at a time in a directory.
 *
 * Whoever wants the directory leaves a claim in it, an empty file that is named for its own life, and only then looks for
 * claims of others: of two that come at the same moment, at least one sees the other. A life (number of the process, when
 * it began, since which start of the machine) is never anyone else's, so that a claim holds exactly as long as its process:
 * after kill -9 it is void at once, and a process that was stopped for a while still has it. Node has no flock; a lock
 * that is kept fresh by a timer has neither property.
 *
 * Processes see each other's lives on one machine, and in one container.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hasCode } from './code.ts'

const pattern = /^process-(\d+)-\w+\.claim$/

export const isClaim = (file: string): boolean => pattern.test(file)

/** Another process that lives has the directory; or this one has it already. */
export class Claimed extends Error {
  readonly pid: number

  constructor(pid: number) {
    super(`process ${pid} has it`)
    this.pid = pid
  }
}

/**
 * Takes the directory for this process, and clears away the claims of the dead.
 * @returns what gives it back
 * @throws Claimed
 */
export const claim = (directory: string): (() => void) => {
  const own = claimOf(process.pid, directory)
  assert(own !== undefined, 'this process is not found among the processes')
  try {
    writeFileSync(join(directory, own), '', { flag: 'wx' })
  } catch (error) {
    if (hasCode(error, 'EEXIST')) throw new Claimed(process.pid)
    throw error
  }
  const release = () => rmSync(join(directory, own), { force: true })
  for (const file of readdirSync(directory)) {
    const pid = Number(pattern.exec(file)?.[1])
    if (file === own || Number.isNaN(pid)) continue
    if (claimOf(pid, directory) === file) {
      release()
      throw new Claimed(pid)
    }
    rmSync(join(directory, file), { force: true })
  }
  return release
}

/** The living processes that have a directory; nobody has one that is gone. */
export const holdersOf = (directory: string): number[] =>
  filesIn(directory).flatMap((file) => {
    const pid = Number(pattern.exec(file)?.[1])
    return !Number.isNaN(pid) && claimOf(pid, directory) === file ? [pid] : []
  })

const filesIn = (directory: string): string[] => {
  try {
    return readdirSync(directory)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return []
    throw error
  }
}

/** `process-4711-8837261_1f2e3d4c_131077.claim`: of this directory, no copy of it; undefined when no such process is alive. */
const claimOf = (pid: number, directory: string): string | undefined => {
  const began = process.platform === 'linux' ? beganByProc(pid) : beganByPs(pid)
  const inode = statSync(directory, { throwIfNoEntry: false })?.ino
  return began === undefined || inode === undefined ? undefined : `process-${pid}-${began}_${inode}.claim`
}

/** Ticks since the machine started, and which start that was. */
const beganByProc = (pid: number): string | undefined => {
  const stat = read(`/proc/${pid}/stat`)
  // After the name, which may hold anything: the state, and 19 fields on, when it began. See proc(5).
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
  if (!fields || fields[0] === 'Z' || fields[0] === 'X') return undefined
  return `${fields[19]}_${read('/proc/sys/kernel/random/boot_id')?.slice(0, 8)}`
}

/** Day and second. */
const beganByPs = (pid: number): string | undefined => {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' })
  const [state = '', ...began] = stdout.trim().split(/\W+/)
  return state === '' || state.startsWith('Z') ? undefined : began.join('_')
}

const read = (file: string): string | undefined => {
  try {
    return readFileSync(file, 'latin1')
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ESRCH', 'EACCES')) return undefined
    throw error
  }
}
