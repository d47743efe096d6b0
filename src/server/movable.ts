/** A model that may be closed under a request that waits for its memory: the request goes on where it is loaded again. */
import { TetherError } from '../errors.js'
import type { Home } from './resident.js'

/** `again`: the model, loaded anew. Throws where it is not to be loaded again. */
export function movable(home: Home, again: () => Promise<Home>): Home {
  const { turns } = home.model
  const engine: typeof turns.engine = {
    ...turns.engine,
    async *generate(request, signal) {
      let at = home
      for (;;) {
        let hasBegun = false
        try {
          for await (const batch of at.model.turns.engine.generate(request, signal)) {
            hasBegun = true
            yield batch
          }
          return
        } catch (error) {
          if (hasBegun || !(error instanceof TetherError) || error.code !== 'closed') throw error
        }
        at = await again()
        // Its engine has not seen the vocabulary of grammars yet.
        if (request.grammar) await at.model.turns.grammars?.prepare()
      }
    },
  }
  return { ...home, model: { ...home.model, turns: { ...turns, engine } } }
}
