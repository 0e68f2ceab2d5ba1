/** Where the local network lives on disk. */
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { TaskFailure } from './failure.ts'

/** The project's root: this module runs from tasks/ or, bundled, from dist/. */
const root = fileURLToPath(new URL('..', import.meta.url))

/**
 * POLYCHORD_HOME, so that two networks can run side by side; the project's root without it.
 * npm runs tasks in the project's root, and leaves where it was typed in INIT_CWD.
 */
export const home = resolve(process.env['INIT_CWD'] ?? '.', process.env['POLYCHORD_HOME'] || root)

export const inHome = (...path: string[]): string => join(home, ...path)

/**
 * Makes a directory, and those that it is in: Node's own way takes a file system that cannot be written for a parent that is missing, and under
 * /proc it never ends.
 */
export const makeDirectory = async (path: string): Promise<void> => {
  try {
    await mkdir(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return
    if (code !== 'ENOENT' || dirname(path) === path) throw error
    await makeDirectory(dirname(path))
    await mkdir(path).catch((again: NodeJS.ErrnoException) => {
      // Another task was faster.
      if (again.code !== 'EEXIST') throw again
    })
  }
}

export const stateFile = inHome('network-state.json')

/** The words of storemany. */
export const lipsumFile = join(root, 'lipsum.txt')

/** What a node process runs. @throws TaskFailure when it has not been built */
export const startScript = (): string => {
  const file = join(root, 'dist', 'start.cjs')
  if (!existsSync(file)) throw new TaskFailure(`${file} is missing; type: npm run build`)
  return file
}
