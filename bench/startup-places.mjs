// What the start-up bench runs in: a home with many models, and a project that Claude Code trusts.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export function makePlaces({ models }) {
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'tether-bench-')))
  const places = {
    home: join(base, 'home'),
    project: join(base, 'project'),
    models: join(base, 'home', '.tether', 'models'),
    /** What tether keeps between runs. */
    forget: () => rmSync(join(base, 'home', '.tether', 'cache'), { recursive: true, force: true }),
    remove: () => rmSync(base, { recursive: true, force: true, maxRetries: 5 }),
  }
  for (const folder of [places.models, places.project]) mkdirSync(folder, { recursive: true })
  for (let i = 0; i < models; i += 1) writeModel(join(places.models, 'org', `model-${i}`))
  execFileSync('git', ['init', '-q'], { cwd: places.project })
  const projects = { [places.project]: { hasTrustDialogAccepted: true } }
  const seen = { hasCompletedOnboarding: true, theme: 'dark', numStartups: 5, projects }
  writeFileSync(join(places.home, '.claude.json'), JSON.stringify(seen))
  return places
}

const demo = fileURLToPath(new URL('../demo/model', import.meta.url))

/** The demo model again: the list checks all that loading checks, so its models have to be whole. */
function writeModel(folder) {
  cpSync(demo, folder, { recursive: true })
}
