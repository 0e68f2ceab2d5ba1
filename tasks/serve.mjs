/** One node in the foreground, configured by POLYCHORD_… variables: `npm start`. */
import './prepare.mjs'

await import('../dist/start.cjs')
