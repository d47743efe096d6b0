/** Which versions of Claude Code tether was measured with. */

/** The version that tether's numbers were measured with. Older ones may show other names and read longer prompts. */
const measuredVersion = '2.1.330'

/** A warning if this version is too old, else undefined. */
export function versionWarning(version: string | undefined): string | undefined {
  if (version === undefined || !isOlder(version, measuredVersion)) return undefined
  return `Claude Code ${version} is older than ${measuredVersion}, which tether was measured with: it may read longer prompts and show other names. To update:\n  claude update`
}

function isOlder(one: string, other: string): boolean {
  const [mine, theirs] = [one, other].map((version) => version.split('.').map(Number)) as [number[], number[]]
  const at = mine.findIndex((part, i) => part !== theirs[i])
  return at >= 0 && (mine[at] as number) < (theirs[at] ?? 0)
}
