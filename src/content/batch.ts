/** What one call can carry of many records. */
import { limits, type StoredRecord } from '../protocol/schemas.ts'

/** Bytes of records that travel in one call, about; a single record always does. */
const batchBytes = 1024 * 1024
/** What a record costs beside its value. */
const overheadBytes = 300

/** Pieces that one call each can carry, by count and by bytes, in the order given. */
export const batches = (records: readonly StoredRecord[]): StoredRecord[][] => {
  const pieces: StoredRecord[][] = []
  let bytes = 0
  for (const record of records) {
    const size = (record.value?.length ?? 0) + overheadBytes
    const piece = pieces.at(-1)
    if (piece && piece.length < limits.page && bytes + size <= batchBytes) {
      piece.push(record)
      bytes += size
    } else {
      pieces.push([record])
      bytes = size
    }
  }
  return pieces
}
