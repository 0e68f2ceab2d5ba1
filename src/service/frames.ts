/**
 * Frames, as they follow each other on a connection: four bytes for the length of what follows, and a text in UTF-8. Where the network
 * has a secret, there are the id of a key (4) and a tag (16) before the text: over the call that has opened the channel, the
 * direction, the number of the frame, and the text, so that none is left out, or said twice, or elsewhere.
 */
import { isUtf8 } from 'node:buffer'
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

  /** Elements of an array, in JSON, as frames of such arrays. */
  *packed(texts: readonly string[]): Generator<Buffer, void> {
    for (let from = 0; from < texts.length; ) {
      let chars = 0
      let to = from
      do chars += texts[to++]?.length ?? 0
      while (to < texts.length && chars + (texts[to]?.length ?? 0) <= frameChars)
      yield this.pack(`[${texts.slice(from, to).join(',')}]`)
      from = to
    }
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

  /** The texts that are complete with a chunk more. @throws Error in a few words, after which nothing can be understood any more */
  unpack(chunk: Buffer): Buffer[] {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    if (this.#bytes < this.#wanted) return []
    const bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks)
    const texts: Buffer[] = []
    let at = 0
    for (this.#wanted = lengthBytes; bytes.length - at >= this.#wanted; ) {
      const length = bytes.readUInt32BE(at)
      if (length > this.#mostBytes) throw new Error(`a frame of ${length} bytes`)
      this.#wanted = lengthBytes + length
      if (bytes.length - at < this.#wanted) break
      texts.push(this.#textIn(bytes.subarray(at + lengthBytes, at + this.#wanted)))
      at += this.#wanted
      this.#wanted = lengthBytes
    }
    const rest = bytes.subarray(at)
    this.#chunks = rest.length > 0 ? [rest] : []
    this.#bytes = rest.length
    return texts
  }

  #textIn(frame: Buffer): Buffer {
    if (!this.#seal) return frame
    const start = keyIdBytes + tagBytes
    if (frame.length < start) throw new Error('a frame that is not signed')
    const text = frame.subarray(start)
    // What is none could be read as another text, which is.
    if (!isUtf8(text)) throw new Error('a frame that is not UTF-8')
    const verdict = this.#seal.keyring.verify(
      frame.toString('hex', 0, keyIdBytes),
      `${this.#theirs}${this.#heard++}\n${text.toString()}`,
      frame.subarray(keyIdBytes, start),
    )
    if (verdict !== 'good') throw new Error(`a frame that is not signed with the network’s secret: ${verdict}`)
    return text
  }
}
