/** An hour in which terminals, an editor and programs that come and go share one server. */
import { test } from 'vitest'
import { makeWorkplace } from '../support/cli-e2e.js'
import { mixedUse } from '../support/mixed-use.js'

const SECONDS = 3600

test('terminals, an editor and programs that come and go share one server for an hour', {
  timeout: (SECONDS + 600) * 1000,
}, async () => {
  const place = makeWorkplace()
  try {
    await mixedUse(place, SECONDS)
  } finally {
    place.remove()
  }
})
