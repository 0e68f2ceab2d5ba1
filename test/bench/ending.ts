/**
 * What was started is ended, whatever happens to the bench: an error, Ctrl-C, a reader of its output that goes away.
 *
 * Ends are synchronous, because they also run while the process exits. Nothing listens for signals while nothing is
 * running, so that a computation can be interrupted.
 */
const ends = new Set<() => void>()
const signals = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

/** Latest first: a task that is still starting nodes ends before its network does. */
const endAll = () => {
  for (const end of [...ends].reverse()) end()
  ends.clear()
}

const exit = (name: NodeJS.Signals) => process.exit(signals[name as keyof typeof signals])

/** Remembers how to end something. @returns what ends it now; calling it again does nothing */
export const remember = (end: () => void): (() => void) => {
  if (ends.size === 0) listen()
  ends.add(end)
  return () => {
    if (!ends.delete(end)) return
    end()
    if (ends.size === 0) unlisten()
  }
}

const listen = () => {
  process.on('exit', endAll)
  for (const name of Object.keys(signals)) process.on(name, exit)
}

const unlisten = () => {
  process.off('exit', endAll)
  for (const name of Object.keys(signals)) process.off(name, exit)
}
