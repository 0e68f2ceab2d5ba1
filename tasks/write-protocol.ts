/** Writes docs/PROTOCOL.md: `npm run protocol`. */
import { writeFileSync } from 'node:fs'
import { protocolPage } from './protocol.ts'

writeFileSync('docs/PROTOCOL.md', protocolPage())
