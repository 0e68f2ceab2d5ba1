/** What a member tells of itself, and how much that may be. */
import { Refusal } from '../protocol/errors.ts'
import { type Meta, metaBytes } from '../protocol/packets.ts'
import { bytesOf } from './broadcasts.ts'

/** A member tells little of itself: its words ride on packets. @throws Refusal BAD_REQUEST */
export const assertMeta = (meta: Meta): void => {
  const bytes = metaSize(meta)
  if (bytes > metaBytes)
    throw new Refusal(
      'BAD_REQUEST',
      `name and tags have ${bytes} bytes of JSON in all; ${metaBytes} at most: say less in the tags`,
    )
}

/** Bytes of its JSON; beside others it needs a comma. */
export const metaSize = (meta: Meta): number => bytesOf(meta) - 1
