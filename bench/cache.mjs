// npm run bench:cache: the simulator of what the prefix cache evicts, bench/cache/, which needs no arrays.
import { run } from '../scripts/setup.mjs'

const built = await run('cmake', ['--build', 'build', '--target', 'cache_bench'])
process.exitCode = built === 0 ? await run('build/bench/cache_bench', process.argv.slice(2)) : built
