/**
 * The secrets of a network: whoever knows one takes part in it. The first signs, all are accepted; so a secret is changed by being
 * accepted everywhere, then used, and the old one dropped, and nobody is refused meanwhile (`npm run task rotate`).
 */
import { createHash, createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto'

const secretChars = 16
/** Of an HMAC-SHA-256 that travels: nobody guesses 128 bits. */
export const tagBytes = 16
export const keyIdDigits = 8

/** How far apart clocks may be where what is said is signed. */
export const skewMs = 5 * 60_000

export type Verdict = 'good' | 'unknown key' | 'bad tag'

export class Keyring {
  readonly #read: () => string
  /** By id; the first signs. */
  #keys: ReadonlyMap<string, KeyObject>
  #first: readonly [id: string, key: KeyObject]

  /**
   * @param read gives the secrets as text, with commas or line breaks between
   * @throws Error in one sentence, which tells no secret
   */
  constructor(read: () => string) {
    this.#read = read
    ;[this.#keys, this.#first] = keysIn(read())
  }

  /** Reads the secrets again. @throws as the constructor; then they are what they were */
  renew(): void {
    ;[this.#keys, this.#first] = keysIn(this.#read())
  }

  /** Of the key that signs. */
  get keyId(): string {
    return this.#first[0]
  }

  /** Shows that whoever says this knows the secret. */
  sign(words: string | Uint8Array): Buffer {
    return tagOf(this.#first[1], words)
  }

  verify(keyId: string, words: string | Uint8Array, tag: Uint8Array): Verdict {
    const key = this.#keys.get(keyId)
    if (!key) return 'unknown key'
    return tag.length === tagBytes && timingSafeEqual(tagOf(key, words), tag) ? 'good' : 'bad tag'
  }
}

/** The secrets of a text. @throws Error */
export const secretsIn = (text: string): [string, ...string[]] => {
  const [first, ...rest] = text
    .split(/[,\r\n]/)
    .map((secret) => secret.trim())
    .filter(Boolean)
  if (first === undefined) throw new Error('holds no secret; make one with: openssl rand -hex 32')
  for (const secret of [first, ...rest])
    if (secret.length < secretChars || !/^[\x21-\x7e]+$/.test(secret))
      throw new Error(
        `holds a secret that is too short or has spaces: ${secretChars} printable ASCII characters at least; make one with: openssl rand -hex 32`,
      )
  return [first, ...rest]
}

/** `'1f0c9a2b'`: tells secrets apart, and tells none. */
export const keyIdOf = (secret: string): string =>
  createHash('sha256').update('polychord key id\n').update(secret).digest('hex').slice(0, keyIdDigits)

const keysIn = (text: string): [ReadonlyMap<string, KeyObject>, readonly [string, KeyObject]] => {
  const key = (secret: string) => [keyIdOf(secret), createSecretKey(secret, 'utf8')] as const
  const [first, ...rest] = secretsIn(text)
  const signing = key(first)
  return [new Map([signing, ...rest.map(key)]), signing]
}

const tagOf = (key: KeyObject, words: string | Uint8Array): Buffer =>
  createHmac('sha256', key).update(words).digest().subarray(0, tagBytes)
