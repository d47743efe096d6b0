// The scenarios of which reuse is measured. Each sends its requests and returns when all are answered.
import { sendMessages } from './client.mjs'
import { conversation, titleRequest } from './conversations.mjs'

/** Sends a conversation's next request. -> its times */
export async function step(url, talk) {
  const answer = await sendMessages(url, talk.next())
  talk.answered(answer.content)
  return answer
}

async function steps(url, talk, turns) {
  for (let turn = 0; turn < turns; turn++) await step(url, talk)
}

/** `size`: the share and growth of conversations. */
export function scenarios({ recording, turns, size }) {
  const talk = (seed, kind = 0) => conversation({ ...size, seed, kind })
  return {
    ...(recording && {
      'a recorded conversation': async (url) => {
        for (const request of recording) await sendMessages(url, request)
      },
    }),
    'a generated conversation': (url) => steps(url, talk(1), turns),
    'two interleaved': async (url) => {
      const both = [talk(2), talk(3)]
      for (let turn = 0; turn < turns; turn++) for (const one of both) await step(url, one)
    },
    // Each of its turns waits for four subagents at once, of two kinds, and a title is asked for beside them.
    'main, 4 subagents, titles': async (url) => {
      const main = talk(4)
      for (let turn = 0; turn < Math.ceil(turns / 2); turn++) {
        await step(url, main)
        const others = [0, 1, 2, 3].map((i) => talk(100 + 10 * turn + i, 1 + (i % 2)))
        const title = sendMessages(url, titleRequest(turn))
        await Promise.all([title, ...others.map((one) => steps(url, one, 3))])
      }
    },
  }
}
