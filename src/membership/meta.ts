/** What a member tells of itself, and how much that may be. */
import { Refusal } from '../protocol/errors.ts'
import { type Meta, metaBytes } from '../protocol/packets.ts'
import { jsonBytes } from '../protocol/utf8.ts'

/** A member tells little of itself: its words ride on packets. @throws Refusal BAD_REQUEST */
export const assertMeta = (meta: Meta): void => {
  if (isTooLong(meta))
    throw new Refusal(
      'BAD_REQUEST',
      `name and tags have ${jsonBytes(meta)} bytes of JSON in all; ${metaBytes} at most: say less in the tags`,
    )
}

/** Whether it would fit in no packet, and be news for ever. */
export const isTooLong = (meta: Meta): boolean => jsonBytes(meta) > metaBytes
