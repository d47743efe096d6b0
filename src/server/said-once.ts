/** Which sentences are news: Claude Code sends the same tools with each request, and what is wrong with them need be logged once. */
import { createHash } from 'node:crypto'

/** Of the sentences that were said last: a client may send other tools with each request. */
const most = 1000

/** -> those that were not given to it before; undefined: none */
export function saidOnce(): (sentences: string[] | undefined) => string[] | undefined {
  const said = new Set<string>()
  const isNew = (sentence: string) => {
    const id = createHash('sha256').update(sentence).digest('base64')
    const isKnown = said.delete(id)
    said.add(id)
    for (const oldest of said) {
      if (said.size <= most) break
      said.delete(oldest)
    }
    return !isKnown
  }
  return (sentences) => {
    const news = sentences?.filter(isNew) ?? []
    return news.length > 0 ? news : undefined
  }
}
