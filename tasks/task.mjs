/** The operator's CLI, whatever the state of the clone: `npm run task <name>`. */
import './prepare.mjs'

await import('../dist/task.cjs')
