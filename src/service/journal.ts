/**
 * A journal: what has changed, appended to a file and durable by one write of a few bytes, long before a tree of pages could take it.
 *
 * Two files take turns: while what one holds is brought to where it belongs, the other goes on. A file is written over from its
 * beginning when its turn comes again, and never shrinks: bytes that a file has already are flushed without a word to the file
 * system. Each entry says of which turn it is and has a checksum; the turn ends where that is of another one, or does not fit.
 * So what a crash has left of an entry that nobody was told of counts for nothing.
 */
import { Buffer } from 'node:buffer'
import { closeSync, constants, fdatasync, fstatSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { crc32 } from 'node:zlib'

/** One of each turn, even and odd. */
export const journalFiles = ['journal-0', 'journal-1'] as const

/** Of an entry, before its text: turn, length, and the checksum of both and of the text; 32 bits each, little-endian. */
const headBytes = 12
const sumAt = 8

const sync = promisify(fdatasync)

export class Journal {
  readonly #files: readonly number[]
  #turn: number
  /** Where the next entry begins. */
  #end = 0

  /**
   * Makes the files when they are not there.
   * @param since the last turn that is not needed any more
   * @returns with it the texts of the turns after that, oldest first
   */
  static open(directory: string, since: number): { journal: Journal; texts: string[] } {
    const paths = journalFiles.map((name) => join(directory, name))
    const files = paths.map((path) => openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600))
    const turns = files.map((file) => turnIn(readFileSync(file))).filter(({ turn }) => turn > since)
    turns.sort((a, b) => a.turn - b.turn)
    const last = turns.at(-1)?.turn ?? since
    return { journal: new Journal(files, last), texts: turns.flatMap(({ texts }) => texts) }
  }

  private constructor(files: readonly number[], last: number) {
    this.#files = files
    this.#turn = last + 1
  }

  /** The turn that entries are of now; the turn before the last one is written over. */
  get turn(): number {
    return this.#turn
  }

  /** How much this turn has. */
  get bytes(): number {
    return this.#end
  }

  /** Begins the next turn. What is of the one before the present one must not be needed any more. */
  take(): void {
    this.#turn++
    this.#end = 0
  }

  /** Resolves once the text is on the disk. One at a time; after a failure the same, or another one, may be tried in its place. */
  async append(text: string): Promise<void> {
    const file = this.#files[this.#turn % 2] as number
    const entry = Buffer.allocUnsafe(headBytes + Buffer.byteLength(text))
    entry.writeUInt32LE(this.#turn, 0)
    entry.writeUInt32LE(entry.length - headBytes, 4)
    entry.write(text, headBytes)
    entry.writeUInt32LE(sumOf(entry), sumAt)
    // That takes no longer than to copy it: only the flush waits for the disk.
    for (let done = 0; done < entry.length; ) done += writeSync(file, entry, done, entry.length - done, this.#end + done)
    await sync(file)
    // What nobody finds again is on no disk.
    if (fstatSync(file).nlink === 0) throw new Error('the files of the journal have been removed')
    this.#end += entry.length
  }

  close(): void {
    for (const file of this.#files) closeSync(file)
  }
}

/** The turn that a file is of, and its texts; turn 0 when it has none. */
const turnIn = (bytes: Buffer): { turn: number; texts: string[] } => {
  const texts: string[] = []
  let turn = 0
  for (let at = 0; at + headBytes <= bytes.length; ) {
    const end = at + headBytes + bytes.readUInt32LE(at + 4)
    const entry = bytes.subarray(at, end)
    const of = bytes.readUInt32LE(at)
    if (end > bytes.length || (turn > 0 && of !== turn) || sumOf(entry) !== bytes.readUInt32LE(at + sumAt)) break
    turn = of
    texts.push(entry.toString('utf8', headBytes))
    at = end
  }
  return { turn, texts }
}

const sumOf = (entry: Buffer): number => crc32(entry.subarray(headBytes), crc32(entry.subarray(0, sumAt)))
