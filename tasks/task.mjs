/** The operator's CLI, whatever the state of the clone: `npm run task <name>`. */
import './prepare.mjs'
import { createRequire } from 'node:module'

createRequire(import.meta.url)('../dist/start.cjs').run('task')
