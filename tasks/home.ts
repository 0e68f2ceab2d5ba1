/** Where the local network lives on disk. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
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

export const stateFile = inHome('network-state.json')

/** The words of storemany. */
export const lipsumFile = join(root, 'lipsum.txt')

/** What a node process runs. @throws TaskFailure when it has not been built */
export const startScript = (): string => {
  const file = join(root, 'dist', 'start.cjs')
  if (!existsSync(file)) throw new TaskFailure(`${file} is missing; type: npm run build`)
  return file
}
