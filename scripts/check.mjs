// npm run check: formatting, lint, types and imports of TypeScript and C++. --fix fixes what the tools can fix.
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { pythonPackages } from './python-packages.mjs'
import { filesUnder, run, script, setup, tool } from './setup.mjs'
import { note } from './terminal-lines.mjs'

const llvm = '23'

await script(async (args) => {
  const fix = args.includes('--fix')
  // clang-tidy reads build/compile_commands.json, which lists the tests only when they are built.
  await setup({ tests: true, native: true })
  const sources = [...filesUnder('native'), ...filesUnder('bench')].filter((file) => /\.(cpp|h)$/.test(file))
  const bin = await clangTools()
  const steps = {
    biome: () => run(process.execPath, [tool('@biomejs/biome', 'biome'), 'check', ...(fix ? ['--write'] : [])]),
    types: () => run(process.execPath, [tool('typescript', 'tsc'), '-p', 'tsconfig.check.json']),
    imports: () => run(process.execPath, [tool('vitest'), 'run', '--reporter=dot', 'test/imports.test.ts']),
    'clang-format': () => run(join(bin, 'clang-format'), [...(fix ? ['-i'] : ['--dry-run', '-Werror']), ...sources]),
    'clang-tidy': () =>
      tidy(
        join(bin, 'clang-tidy'),
        sources.filter((file) => file.endsWith('.cpp')),
      ),
  }
  const failed = []
  for (const [name, step] of Object.entries(steps)) {
    if ((await step()) !== 0) failed.push(name)
  }
  note(failed.length > 0 ? `check: ${failed.join(', ')} failed` : 'check: everything passed')
  return failed.length > 0 ? 1 : 0
})

/** Runs a process per core. Headers are checked with the files that include them. -> 0 if there is no finding */
async function tidy(program, files) {
  const waiting = [...files]
  let worst = 0
  const work = async () => {
    for (let file = waiting.shift(); file; file = waiting.shift()) {
      const code = await run(program, ['-p', 'build', '--quiet', file])
      worst = Math.max(worst, code)
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, work))
  return worst
}

/** One version of clang-format and clang-tidy: others format and warn differently. -> their folder */
function clangTools() {
  const packages = [`clang-format==${llvm}.*`, `clang-tidy==${llvm}.*`]
  const what = `clang-format and clang-tidy ${llvm} (about 45 MB)`
  return pythonPackages({ name: `clang-tools-${llvm}`, what, packages })
}
