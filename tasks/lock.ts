/** Locks on files, so that two tasks at once do not write over each other. */
import { rmSync } from 'node:fs'
import { lock, type LockOptions } from 'proper-lockfile'
import { TaskFailure } from './failure.ts'

export interface Lock {
  /** @throws TaskFailure when it was lost: whoever is stopped for longer than `stale` is taken for dead */
  assertHeld(): void
  release(): Promise<void>
}

/** The lock of a file. @throws as proper-lockfile does when it cannot be had */
export const takeLock = async (file: string, options: LockOptions & { stale: number }): Promise<Lock> => {
  const { stale } = options
  let lost: Error | undefined
  const release = await lock(file, {
    ...options,
    onCompromised: (error) => {
      lost = error
    },
  })
  // Whoever goes on after a standstill may come to its next write before it hears of that.
  let turnedAt = performance.now()
  const turn = () => {
    const now = performance.now()
    if (now - turnedAt > stale) lost ??= new Error(`stood still for ${Math.round(now - turnedAt)} ms`)
    turnedAt = now
  }
  const turning = setInterval(turn, stale / 8)
  // The library would, were it not that write-file-atomic, which listens for the end by another version of the same package, undoes that.
  const dropAtExit = () => {
    if (!lost) rmSync(options.lockfilePath ?? `${file}.lock`, { recursive: true, force: true })
  }
  process.once('exit', dropAtExit)
  return {
    assertHeld: () => {
      turn()
      if (lost)
        throw new TaskFailure(`this task stood still, and lost its lock on ${file}: another may have changed it; try again`, {
          cause: lost,
        })
    },
    release: async () => {
      clearInterval(turning)
      process.off('exit', dropAtExit)
      if (!lost) await release()
    },
  }
}
