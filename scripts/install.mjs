// npm's install script of the published package: builds the addon where no prebuilt one can be loaded.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { root, script, setup } from './setup.mjs'

await script(async () => {
  // A clone builds when it is started; npm runs this there too, before anything is in place.
  if (existsSync(join(root, 'src')) || loads()) return
  await setup({ native: true })
})

/** In a process of its own: what a broken library does on loading must not end this one. */
function loads() {
  const binding = JSON.stringify(new URL('../dist/binding.js', import.meta.url))
  const program = `import(${binding}).then(({ loadBinding }) => loadBinding())`
  return spawnSync(process.execPath, ['-e', program], { stdio: 'ignore' }).status === 0
}
