/**
 * The secret of the local network, where it has one: a file that only its owner can read, and that the nodes are pointed to. It is
 * in no command line, no log and not in the state.
 */
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import writeFileAtomic from 'write-file-atomic'
import { Keyring, secretsIn } from '../src/service/keyring.ts'
import { Signer } from '../src/service/signature.ts'
import type { Sign } from './client.ts'
import { TaskFailure } from './failure.ts'
import { inHome } from './home.ts'
import type { BootedNetwork, Entry } from './state.ts'
import { typed } from './task.ts'

export const secretFile = inHome('.polychord', 'secret')

export const newSecret = (): string => randomBytes(32).toString('hex')

/** The first signs, all are accepted. */
export const writeSecrets = async (secrets: readonly string[]): Promise<void> => {
  await writeFileAtomic(secretFile, secrets.map((secret) => `${secret}\n`).join(''), { mode: 0o600 })
}

/** With what a task leaves of it that was killed in the middle of writing. */
export const removeSecrets = (): void => {
  for (const name of readdirSync(dirname(secretFile)))
    if (/^secret(\.|$)/.test(name)) rmSync(join(dirname(secretFile), name), { recursive: true, force: true })
}

/** The first signs. @throws TaskFailure when the file is not there, or of no use */
export const readSecrets = (): [string, ...string[]] => {
  try {
    return secretsIn(readFileSync(secretFile, 'utf8'))
  } catch (error) {
    if (!(error instanceof Error)) throw error
    const why = 'syscall' in error ? `cannot be read (${error.message})` : `in ${secretFile} is of no use: it ${error.message}`
    throw new TaskFailure(`the secret of this network ${why}; restore it, or begin anew: ${typed('reboot')}`, { cause: error })
  }
}

/** How calls to a node are signed; undefined where the network has no secret. @throws TaskFailure as readSecrets */
export const signatureFor = (network: BootedNetwork, node: Pick<Entry, 'id'>): Sign | undefined =>
  network.secret ? signing(readSecrets()[0], network.id, node) : undefined

export const signing = (secret: string, network: string, { id }: Pick<Entry, 'id'>): Sign => {
  const signer = new Signer(new Keyring(() => secret), network, 'task')
  return (method, path, body) => signer.sign({ to: id, method, path }, body, Date.now())
}
