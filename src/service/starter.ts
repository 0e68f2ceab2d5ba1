/** The process that started this one and waits, over an IPC channel, to hear how it went. A node may have none. */
import { variableOf } from './text.ts'

/** It says which life of the node this is; another one that keeps a channel to what it starts, as supervisors do, has nothing to say. */
const hasStarter = (): boolean => process.connected && process.env[variableOf('incarnation')] !== undefined

/** `{ ready: { id, url, incarnation } }`: the node has joined. */
export const tellReady = (ready: { id: string; url: string; incarnation: number }): void => {
  if (!hasStarter()) return
  process.removeAllListeners('disconnect')
  tell({ ready }, () => {
    if (process.connected) process.disconnect()
  })
}

/** `{ failed: { code, message } }`: it never will. */
export const tellFailed = (code: string, message: string, then: () => void): void => tell({ failed: { code, message } }, then)

/** A node that has not joined when its starter dies is a node that nobody knows of. */
export const whenStarterGoes = (end: () => void): void => {
  if (hasStarter()) process.once('disconnect', end)
}

/** Resolves once the starter has noted where this process is to be found; before that it must not become a member. */
export const whenNoted = (): Promise<void> =>
  hasStarter() ? new Promise((resolve) => process.once('message', () => resolve())) : Promise.resolve()

/** A starter that has gone is told nothing: there is nobody to mind. */
const tell = (message: object, then: () => void): void => {
  if (process.send && hasStarter()) process.send(message, undefined, undefined, then)
  else then()
}
