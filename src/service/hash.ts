/** The hash port: SHA-256 cut to 160 bits. */
import { hash as digest } from 'node:crypto'
import type { Hash } from '../ports.ts'

export const hash: Hash = (text, encoding) =>
  digest('sha256', encoding === undefined ? text : Buffer.from(text, encoding), 'hex').slice(0, 40)
