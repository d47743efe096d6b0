/** tether as a program of its own, with the fake library. */
import { main } from '../../src/cli/main.js'
import { fakeLibrary } from './cli-fake-library.js'

const start = process.env.FAKE_START === '1'
const declined = process.env.FAKE_DECLINED === '1'
process.exit(await main(process.argv.slice(2), { start, declined, library: async () => fakeLibrary }))
