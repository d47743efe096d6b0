/** The checks of `tether doctor`. Each returns what it found and never throws. */
import { accessSync, constants, existsSync, readdirSync, statfsSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { freemem, homedir, totalmem } from 'node:os'
import { join } from 'node:path'
import { about, DEFAULT_MEMORY_SHARE } from '../../engine/load.js'
import { TetherError } from '../../errors.js'
import { makeFolder } from '../../make-folder.js'
import { demoModel } from '../../models/demo-model.js'
import { describeModels } from '../../models/describe-models.js'
import { findModel } from '../../models/find-model.js'
import { showSize } from '../../models/show-size.js'
import { prefixFolder } from '../../prefixes/folder.js'
import { surveyPrefixes } from '../../prefixes/survey.js'
import { CannotRun, programVersion } from '../agents/program-version.js'
import { versionWarning } from '../claude/claude-version.js'
import { findClaude } from '../claude/find-claude.js'
import { type Config, lineThatSets } from '../config/read-config.js'
import type { Settings } from '../config/settings-table.js'
import { exampleModel, folderText } from '../models/no-model.js'
import { portOwner } from '../serving/port-owner.js'
import { runningServers } from '../serving/running-servers.js'
import { shortPath } from '../terminal/short-path.js'
import { commandForModels } from '../tether-command.js'
import type { Finding } from './report.js'

/** The configuration, or why it cannot be read. */
export interface DoctorContext {
  config?: Config
  configError?: unknown
  settings: Settings
}

export async function checkAll(context: DoctorContext): Promise<Finding[]> {
  const { settings } = context
  const addon = checkAddon()
  return [
    ...addon,
    checkMemory(settings),
    await checkModels(context),
    await checkClaude(settings),
    checkConfig(context),
    await checkPort(settings),
    checkFolder('cache', 'tokenizers load more slowly'),
    checkPrefixes(settings),
    checkFolder('logs', 'nothing is logged'),
  ]
}

function checkAddon(): Finding[] {
  try {
    const { mlx, device, blas } = about()
    return [
      {
        about: 'addon',
        verdict: 'ok',
        detail: `loads on ${process.platform} ${process.arch}, Node ${process.versions.node}`,
      },
      { about: 'MLX', verdict: 'ok', detail: `${mlx}, computing on ${device}` },
      checkBlas(device, blas),
    ]
  } catch (error) {
    const fix = "npm run build in tether's folder, or npm install @tether/mlx again"
    return [{ about: 'addon', verdict: 'fail', detail: detailOf(error), fix }]
  }
}

function checkBlas(device: string, blas: string): Finding {
  const found = { about: 'BLAS', verdict: 'ok' } as const
  if (blas) return { ...found, detail: blas.split(' ').slice(0, 2).join(' ') }
  if (device !== 'cpu') return { ...found, detail: `not needed on ${device}` }
  if (process.platform === 'darwin') return { ...found, detail: 'Accelerate' }
  const fix = 'unset MLX_DIR and run `npm run build`, which adds OpenBLAS'
  return { about: 'BLAS', verdict: 'note', detail: "MLX's own, which reads prompts very slowly", fix }
}

function checkMemory({ memoryCap }: Settings): Finding {
  const cap = memoryCap === 0 ? totalmem() : (memoryCap ?? totalmem() * DEFAULT_MEMORY_SHARE)
  const named =
    memoryCap === undefined ? `${DEFAULT_MEMORY_SHARE * 100}% of it` : memoryCap === 0 ? 'no cap' : 'memory_cap'
  const detail = `${showSize(totalmem())}, of which ${showSize(freemem())} are free. tether may use ${showSize(cap)} (${named})`
  if (cap <= totalmem()) return { about: 'memory', verdict: 'ok', detail }
  return { about: 'memory', verdict: 'note', detail, fix: 'set memory_cap below the memory of the machine' }
}

async function checkModels({ config, settings }: DoctorContext): Promise<Finding> {
  const { model, modelsDir, memoryCap, maxContext } = settings
  const fault = model === undefined ? undefined : whyNotFound(model, modelsDir)
  if (fault !== undefined) {
    const line = config && lineThatSets('model', config)
    const fix = line ? `change the default of [model] in ${line}, or remove it` : 'name another with --model'
    return { about: 'models', verdict: 'fail', detail: fault, fix }
  }
  const models = await describeModels(modelsDir, { memory: memoryCap, maxContext })
  const usable = models.filter(({ state }) => state === 'ok')
  const fitting = usable.filter(({ fits }) => fits !== 'no')
  const faulty = models.length - usable.length
  const rest = faulty > 0 ? `. ${faulty} cannot be used` : ''
  const places = `in ${folderText(modelsDir)} and in the Hugging Face cache`
  const fit = usable.length > 0 ? `, ${fitting.length} of them fit in memory` : ''
  const detail = `${usable.length} ${places}${fit}${rest}`
  const why = `to see why:\n  ${commandForModels(['--list'])}`
  if (fitting.length > 0 && faulty > 0) return { about: 'models', verdict: 'note', detail, fix: why }
  if (fitting.length > 0) return { about: 'models', verdict: 'ok', detail }
  const fix =
    usable.length > 0
      ? 'raise memory_cap, or download a smaller model'
      : `download one:\n  ${commandForModels(['pull', exampleModel])}`
  return { about: 'models', verdict: 'fail', detail, fix }
}

/** The first line, without commands. */
function whyNotFound(model: string, modelsDir: string): string | undefined {
  try {
    findModel(model, { modelsDir, demo: demoModel })
    return undefined
  } catch (error) {
    return detailOf(error)
      .split('\n')[0]
      ?.replace(/[.:]? To (list|download|continue).*$/, '')
  }
}

async function checkClaude({ claudePath }: Settings): Promise<Finding> {
  const install = 'npm install -g @anthropic-ai/claude-code@latest, or set claude_path'
  try {
    const file = findClaude({ explicit: claudePath, path: process.env.PATH, home: homedir() })
    if (!file) return { about: 'claude', verdict: 'fail', detail: 'not found', fix: install }
    const version = await programVersion(file)
    const warning = versionWarning(version)
    const detail = `${version ?? 'unknown version'}, ${shortPath(file)}`
    return warning
      ? { about: 'claude', verdict: 'note', detail, fix: warning.replace(/\s+/g, ' ') }
      : { about: 'claude', verdict: 'ok', detail }
  } catch (error) {
    if (!(error instanceof CannotRun)) throw error
    return { about: 'claude', verdict: 'fail', detail: error.message, fix: install }
  }
}

function checkConfig({ config, configError }: DoctorContext): Finding {
  if (!config) return { about: 'config', verdict: 'fail', detail: detailOf(configError), fix: 'fix that line' }
  const detail = config.files.map(shortPath).join(', ') || 'no file'
  if (config.warnings.length === 0) return { about: 'config', verdict: 'ok', detail }
  return { about: 'config', verdict: 'note', detail, fix: config.warnings.join('\n') }
}

async function checkPort({ host, port }: Settings): Promise<Finding> {
  const servers = runningServers()
  const running = servers.map(({ url, model }) => `${model} on ${url}`).join(', ')
  const also = running ? `. Running now: ${running}` : ''
  const fault = await listenFault(host, port)
  if (!fault) return { about: 'port', verdict: 'ok', detail: `${port === 0 ? 'any' : `${port} is free`}${also}` }
  if (fault.code !== 'EADDRINUSE') {
    const fix = 'set another [server] host or port'
    return { about: 'port', verdict: 'fail', detail: `cannot listen: ${fault.message}`, fix }
  }
  const owner = await portOwner(port)
  const detail = `${port} is in use${owner ? ` by ${owner.name} (process ${owner.pid})` : ''}${also}`
  if (servers.some((server) => server.url.endsWith(`:${port}`))) return { about: 'port', verdict: 'ok', detail }
  return {
    about: 'port',
    verdict: 'note',
    detail,
    fix: 'tether uses the next free port, unless --port asks for this one',
  }
}

/** The error of listening there, if there is one. */
function listenFault(host: string, port: number): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', resolve)
    server.listen({ host, port }, () => server.close(() => resolve(undefined)))
  })
}

/** Checks that a folder of ~/.tether is writable and that its disk has room. `otherwise`: what happens if not. */
function checkFolder(name: string, otherwise: string): Finding {
  const folder = join(homedir(), '.tether', name)
  try {
    makeFolder(folder, 0o700)
    accessSync(folder, constants.W_OK)
    const { bavail, bsize } = statfsSync(folder)
    const free = bavail * bsize
    const detail = `${shortPath(folder)}, ${showSize(sizeOf(folder))} used, ${showSize(free)} free on the disk`
    if (free > 1e9) return { about: name, verdict: 'ok', detail }
    return { about: name, verdict: 'note', detail, fix: `Free space on the disk. Otherwise ${otherwise}.` }
  } catch (error) {
    const fix = `Make ${shortPath(folder)} writable. Otherwise ${otherwise}.`
    return { about: name, verdict: 'note', detail: detailOf(error), fix }
  }
}

/** What is kept of prompts, and how much may be. */
function checkPrefixes({ diskCache }: Settings): Finding {
  const about = 'prefixes'
  try {
    const { models } = surveyPrefixes(prefixFolder())
    const kept = models.reduce((sum, { bytes }) => sum + bytes, 0)
    const of = `${showSize(kept)} of ${models.length} ${models.length === 1 ? 'model' : 'models'}`
    if (diskCache === 0) return { about, verdict: 'ok', detail: `off (disk_cache = 0); ${of} kept before` }
    if (diskCache !== undefined) return { about, verdict: 'ok', detail: `${of} kept, at most ${showSize(diskCache)}` }
    const { blocks, bavail, bsize } = statfsSync(homedir())
    const tenth = (blocks * bsize) / 10
    const detail = `${of} kept, at most ${showSize(Math.min(tenth, mostKept))}, and a tenth of the disk stays free`
    if (bavail * bsize + kept > tenth) return { about, verdict: 'ok', detail }
    const fix = 'Free space on the disk, or set disk_cache. Otherwise prompts are computed again after a restart.'
    return { about, verdict: 'note', detail, fix }
  } catch (error) {
    const fix = `Make ${shortPath(prefixFolder())} readable. Otherwise prompts are computed again after a restart.`
    return { about, verdict: 'note', detail: detailOf(error), fix }
  }
}

/** The engine's own bound where no disk_cache is set: native/engine/cache/. */
const mostKept = 64 * 2 ** 30

function sizeOf(folder: string): number {
  const files = existsSync(folder) ? (readdirSync(folder, { recursive: true }) as string[]) : []
  return files.reduce((sum, file) => sum + (statSync(join(folder, file), { throwIfNoEntry: false })?.size ?? 0), 0)
}

function detailOf(error: unknown): string {
  if (error instanceof TetherError) return error.message
  return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
}
