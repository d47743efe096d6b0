// What npm start does: sets up what is missing, then starts tether where the user stands.
import { askForClaude, hasClaude, notFound } from './check-claude.mjs'
import { needsAddon } from './needs-addon.mjs'
import { aboutBanner, flagsThatNpmTook, leaveNpm } from './npm-surroundings.mjs'
import { isBuilt, script, setup } from './setup.mjs'
import { note } from './terminal-lines.mjs'

/** The exit status for arguments that cannot be read. */
const usage = 2

await script(async (args) => {
  const instead = flagsThatNpmTook(args)
  if (instead) {
    note(instead)
    return usage
  }
  const banner = process.stdout.isTTY ? undefined : aboutBanner(args)
  if (banner) note(banner)
  leaveNpm()
  const claude = isBuilt() ? 'present' : await askForClaude(args)
  if (claude === 'wrong') return notFound
  if (claude !== 'present') {
    // What follows -- is for Claude Code, so there is nothing that tether could do without it.
    if (args.includes('--')) return notFound
    note('tether continues without it, and serves the model to other programs.\n')
  }
  await setup({ needsAddon: needsAddon(args) })
  const { main } = await import('../dist/cli/main.js')
  // Asked once is enough, unless it was installed meanwhile.
  const declined = claude === 'declined' && !hasClaude()
  // Everything is closed by now: leftover timers, such as those of keep-alive, must not delay the exit.
  process.exit(await main(args, { start: true, declined }))
})
