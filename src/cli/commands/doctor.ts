/** `tether doctor`: prints every check with its outcome, and what to do where one failed. */
import type { Call } from '../args.js'
import { type Config, readConfig } from '../config/read-config.js'
import { checkAll, type DoctorContext } from '../doctor/checks.js'
import { doctorReport } from '../doctor/report.js'
import { version } from '../package.js'

/** -> the exit status: 1 if a check failed */
export async function runDoctor({ settings, flags }: Call): Promise<number> {
  const findings = await checkAll(await context(settings))
  const title = `tether ${version()} on ${process.platform} ${process.arch}, Node ${process.versions.node}`
  const width = Math.max(50, Math.min(100, process.stdout.columns || 80))
  process.stdout.write(flags.json ? `${JSON.stringify(findings, null, 2)}\n` : doctorReport(findings, { width, title }))
  return findings.some(({ verdict }) => verdict === 'fail') ? 1 : 0
}

/** A configuration that cannot be read is a finding; the other checks then use the flags and the built-in values. */
async function context(flags: Call['settings']): Promise<DoctorContext> {
  try {
    const config: Config = await readConfig(flags)
    return { config, settings: config.settings }
  } catch (configError) {
    const { settings } = await readConfig(flags, { folder: undefined })
    return { configError, settings }
  }
}
