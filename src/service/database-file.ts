/**
 * Whether a file is a whole LMDB database, found out without LMDB.
 *
 * LMDB maps the file into memory and takes it at its word: a garbled or cut one ends the process by a signal, when it is
 * opened or at some later read. So before it is opened its two trees are walked: every page is in the file and is what the
 * page above it says, every entry lies within its page, and what was counted is what the header says. A value that
 * was changed in place is not noticed; its hash tells that when the records are read (see Holdings).
 *
 * Layout: MDB_page, MDB_node, MDB_meta in mdb.c, data version 2, for 64 bits and little-endian, as on every x64 and arm64.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

const magic = 0xbeefc0de
const dataVersion = 2
const branch = 1
const leaf = 2
const overflow = 4
const meta = 8
const headerBytes = 24
const nodeBytes = 8
/** Of a leaf's entry: its value has pages of its own. */
const bigData = 1
/** A root that is no page: the tree is empty. */
const none = 0xffff_ffff_ffff_ffffn
/** The header is here, in each of the first two pages. */
const metaBytes = 160

/** What is wrong with it, `page 17 is not what it should be`; undefined when it is whole, or its layout is not known here. */
export const damageOf = (file: string): string | undefined => {
  if (process.arch !== 'x64' && process.arch !== 'arm64') return undefined
  const fd = openSync(file, 'r')
  try {
    new DatabaseFile(fd).walk()
    return undefined
  } catch (error) {
    if (error instanceof Damage) return error.message
    throw error
  } finally {
    closeSync(fd)
  }
}

class Damage extends Error {}

const check: (holds: boolean, message: () => string) => asserts holds = (holds, message) => {
  if (!holds) throw new Damage(message())
}

/** One tree, as the header describes it. */
interface Tree {
  readonly depth: number
  readonly branches: number
  readonly leaves: number
  readonly overflows: number
  readonly entries: number
  readonly root: bigint
}

const readTree = (header: Buffer, at: number): Tree => ({
  depth: header.readUInt16LE(at + 6),
  branches: Number(header.readBigUInt64LE(at + 8)),
  leaves: Number(header.readBigUInt64LE(at + 16)),
  overflows: Number(header.readBigUInt64LE(at + 24)),
  entries: Number(header.readBigUInt64LE(at + 32)),
  root: header.readBigUInt64LE(at + 40),
})

class DatabaseFile {
  readonly #fd: number
  readonly #bytes: number
  #pageBytes = 0
  #counted = { branches: 0, leaves: 0, overflows: 0, entries: 0 }

  constructor(fd: number) {
    this.#fd = fd
    this.#bytes = fstatSync(fd).size
  }

  /** @throws Damage */
  walk(): void {
    const first = this.#header(0)
    this.#pageBytes = first.readUInt32LE(48)
    const second = this.#header(this.#pageBytes)
    const latest = first.readBigUInt64LE(152) > second.readBigUInt64LE(152) ? first : second
    for (const at of [48, 96]) this.#walkTree(readTree(latest, at))
  }

  #header(at: number): Buffer {
    const header = Buffer.alloc(metaBytes)
    check(at + metaBytes <= this.#bytes, () => 'it is cut off within its header')
    readSync(this.#fd, header, 0, metaBytes, at)
    const known = header.readUInt32LE(24) === magic && (header.readUInt32LE(28) & 0xffff) === dataVersion
    const pageBytes = header.readUInt32LE(48)
    const sound = known && (header.readUInt16LE(18) & meta) !== 0 && pageBytes >= 512 && pageBytes <= 65_536
    check(sound && (at === 0 || pageBytes === at), () => 'its header is not that of a database')
    return header
  }

  #walkTree(tree: Tree): void {
    this.#counted = { branches: 0, leaves: 0, overflows: 0, entries: 0 }
    if (tree.root !== none) {
      const pages = Array.from({ length: tree.depth }, () => Buffer.alloc(this.#pageBytes))
      this.#walkPage(Number(tree.root), pages, tree)
    }
    const { branches, leaves, overflows, entries } = this.#counted
    const same = branches === tree.branches && leaves === tree.leaves && overflows === tree.overflows
    check(same && entries === tree.entries, () => 'it has not as much in it as its header says')
  }

  /** @param pages room for this page and for those on each level below it */
  #walkPage(number: number, [page, ...below]: readonly Buffer[], tree: Tree): void {
    check(page !== undefined, () => 'its header is not that of a database')
    this.#read(number, page)
    const isLeaf = below.length === 0
    check(page.readUInt16LE(18) === (isLeaf ? leaf : branch), () => strange(number))
    const counted = isLeaf ? ++this.#counted.leaves : ++this.#counted.branches
    check(counted <= (isLeaf ? tree.leaves : tree.branches), () => strange(number))
    const lower = page.readUInt16LE(20)
    const upper = page.readUInt16LE(22)
    check(lower <= upper && headerBytes + upper <= this.#pageBytes, () => strange(number))
    for (let at = headerBytes; at < headerBytes + lower; at += 2) {
      const node = headerBytes + page.readUInt16LE(at)
      check(node >= headerBytes + upper && node + nodeBytes <= this.#pageBytes, () => strange(number))
      const data = node + nodeBytes + page.readUInt16LE(node + 6)
      if (isLeaf) this.#checkEntry(number, page, node, data)
      else this.#walkPage(page.readUIntLE(node, 6), below, tree)
    }
  }

  #checkEntry(number: number, page: Buffer, node: number, data: number): void {
    this.#counted.entries++
    const bytes = page.readUInt32LE(node)
    const isBig = (page.readUInt16LE(node + 4) & bigData) !== 0
    check(data + (isBig ? 8 : bytes) <= this.#pageBytes, () => strange(number))
    if (!isBig) return
    const first = Number(page.readBigUInt64LE(data))
    const head = Buffer.alloc(headerBytes)
    this.#read(first, head)
    const pages = head.readUInt32LE(20)
    const fits = headerBytes + bytes <= pages * this.#pageBytes && (first + pages) * this.#pageBytes <= this.#bytes
    check(head.readUInt16LE(18) === overflow && fits, () => strange(first))
    this.#counted.overflows += pages
  }

  /** Reads the beginning of a page, as much as there is room for. */
  #read(number: number, into: Buffer): void {
    check((number + 1) * this.#pageBytes <= this.#bytes, () => `it is cut off before page ${number}`)
    readSync(this.#fd, into, 0, into.length, number * this.#pageBytes)
    check(into.readBigUInt64LE(0) === BigInt(number), () => strange(number))
  }
}

const strange = (page: number): string => `its page ${page} is not what it should be`
