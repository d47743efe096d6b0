// npm's install script of the published package: builds the addon if no prebuilt one can be loaded.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { onRightNode } from './node-version.cjs'

// In a clone npm runs this before the packages are installed; the first start builds the addon there.
const isClone = existsSync(fileURLToPath(new URL('../src', import.meta.url)))

if (!isClone && !loads()) {
  onRightNode(async () => {
    const { script, setup } = await import('./setup.mjs')
    await script(() => setup({ native: true }))
  })
}

/** Whether the addon can be loaded. In a child process, since a broken library may crash it. */
function loads() {
  const binding = JSON.stringify(new URL('../dist/binding.js', import.meta.url))
  const program = `import(${binding}).then(({ loadBinding }) => loadBinding())`
  return spawnSync(process.execPath, ['-e', program], { stdio: 'ignore' }).status === 0
}
