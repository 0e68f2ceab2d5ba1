/** All that tests put into the temporary folder is in one of their own, and gone with the run: networks too, where one was interrupted. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'

const prefix = 'polychord-test-'

export const setup = (): void => {
  // Each project of a run calls this.
  if (basename(tmpdir()).startsWith(prefix)) return
  const folder = mkdtempSync(join(tmpdir(), prefix))
  process.env['TMPDIR'] = folder
  // Whoever is interrupted has no time for a teardown.
  process.once('exit', () => {
    const homes = readdirSync(folder).map((name) => join(folder, name))
    for (const home of homes.filter((path) => existsSync(join(path, 'network-state.json'))))
      spawnSync(process.execPath, ['tasks/task.mjs', 'killall'], { env: { ...process.env, POLYCHORD_HOME: home } })
    rmSync(folder, { recursive: true, force: true })
  })
}
