/** `writer.ts <directory> <network> <id> [turnBytes]`: writes to a store as long as it lives, and prints the key of each record once it is flushed. */
import { createLog } from '../../src/service/log.ts'
import { LmdbStore } from '../../src/service/lmdb-store.ts'

const [directory = '', network = '', id = '', turnBytes = ''] = process.argv.slice(2)
const log = createLog('writer', 'warn', undefined)
const store = await LmdbStore.open(directory, { network, id }, log, turnBytes === '' ? undefined : Number(turnBytes))
let next = store.size

const write = async (): Promise<never> => {
  for (;;) {
    const key = (next++).toString(16).padStart(8, '0')
    const version = { hlc: '0'.repeat(16), origin: id }
    store.write({ key, index: 'v:1', value: `value of ${key}`, contentType: 'text/plain', version })
    await store.flushed()
    process.stdout.write(`${key}\n`)
  }
}

await Promise.all(Array.from({ length: 16 }, write))
