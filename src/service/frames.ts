/**
 * Frames, as they follow each other on a connection: four bytes for the length of what follows, and a text in UTF-8. Where the network
 * has a secret, there are the id of a key (4) and a tag (16) before the text: over the call that has opened the channel, the
 * direction, the number of the frame, and the text, so that none is left out, or said twice, or elsewhere.
 */
import { isUtf8 } from 'node:buffer'
import { Refusal } from '../protocol/errors.ts'
import { type Keyring, keyIdDigits, tagBytes } from './keyring.ts'

/** Characters of JSON that travel in one frame, of three bytes each at most: far below what one may have. */
export const frameChars = 1024 * 1024

const lengthBytes = 4
const keyIdBytes = keyIdDigits / 2

/** What signs the frames of one channel. */
export interface Seal {
  readonly keyring: Keyring
  /** Of the call that has opened it. */
  readonly tag: string
}

export class Frames {
  readonly #mostBytes: number
  readonly #seal: Seal | undefined
  /** What is said in each direction, before its number. */
  readonly #ours: string
  readonly #theirs: string
  #sent = 0
  #heard = 0
  #chunks: Buffer[] = []
  #bytes = 0
  /** How many have to be there to go on. */
  #wanted = lengthBytes

  /** @param mostBytes of a text that comes in */
  constructor(mostBytes: number, side: 'asks' | 'answers', seal: Seal | undefined) {
    this.#mostBytes = mostBytes
    this.#seal = seal
    const words = (direction: string) => `polychord frame\n${seal?.tag}\n${direction}\n`
    this.#ours = words(side)
    this.#theirs = words(side === 'asks' ? 'answers' : 'asks')
  }

  /** A frame with an array, in JSON, of as many of the first elements as travel together; and how many these are. */
  packFirst(elements: readonly string[]): { readonly frame: Buffer; readonly count: number } {
    let count = 0
    let chars = 0
    do chars += elements[count++]?.length ?? 0
    while (count < elements.length && chars + (elements[count]?.length ?? 0) <= frameChars)
    return { frame: this.pack(`[${elements.slice(0, count).join(',')}]`), count }
  }

  pack(text: string): Buffer {
    const seal = this.#seal
    const start = lengthBytes + (seal ? keyIdBytes + tagBytes : 0)
    const bytes = Buffer.allocUnsafe(start + Buffer.byteLength(text))
    bytes.writeUInt32BE(bytes.length - lengthBytes)
    bytes.write(text, start)
    if (seal) {
      bytes.write(seal.keyring.keyId, lengthBytes, 'hex')
      seal.keyring.sign(`${this.#ours}${this.#sent++}\n${text}`).copy(bytes, lengthBytes + keyIdBytes)
    }
    return bytes
  }

  /** Whether the beginning of one has come, and not its end. */
  get isPartial(): boolean {
    return this.#bytes > 0
  }

  /** The texts that are complete with a chunk more, all of which are to be taken. @throws Refusal BAD_REQUEST, after which nothing can be understood any more */
  *unpack(chunk: Buffer): Generator<Buffer, void> {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    if (this.#bytes < this.#wanted) return
    let rest = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks)
    for (this.#wanted = lengthBytes; rest.length >= this.#wanted; ) {
      const length = rest.readUInt32BE(0)
      if (length > this.#mostBytes) throw new Refusal('BAD_REQUEST', `a frame of ${length} bytes`)
      this.#wanted = lengthBytes + length
      if (rest.length < this.#wanted) break
      yield this.#textIn(rest.subarray(lengthBytes, this.#wanted))
      rest = rest.subarray(this.#wanted)
      this.#wanted = lengthBytes
    }
    this.#chunks = rest.length > 0 ? [rest] : []
    this.#bytes = rest.length
  }

  #textIn(frame: Buffer): Buffer {
    if (!this.#seal) return frame
    const start = keyIdBytes + tagBytes
    if (frame.length < start) throw new Refusal('BAD_REQUEST', 'a frame that is not signed')
    const text = frame.subarray(start)
    // What is none could be read as another text, which is.
    if (!isUtf8(text)) throw new Refusal('BAD_REQUEST', 'a frame that is not UTF-8')
    const verdict = this.#seal.keyring.verify(
      frame.toString('hex', 0, keyIdBytes),
      `${this.#theirs}${this.#heard++}\n${text.toString()}`,
      frame.subarray(keyIdBytes, start),
    )
    if (verdict !== 'good') throw new Refusal('BAD_REQUEST', `a frame that is not signed with the network’s secret: ${verdict}`)
    return text
  }
}
