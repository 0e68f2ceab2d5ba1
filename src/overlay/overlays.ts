/** The one list of overlays. */
import { chordApi } from './chord/api.ts'
import { Chord } from './chord/chord.ts'

export const overlays = {
  chord: { api: chordApi, create: (setting: ConstructorParameters<typeof Chord>[0]) => new Chord(setting) },
}
