// Memory and disk over the turns of one long conversation, under small caps.
import { writeFileSync } from 'node:fs'
import { conversation } from './conversations.mjs'
import { step } from './scenarios.mjs'
import { written } from './tether.mjs'

const MB = 1e6

export async function measureGrowth({ tether, growth, size }) {
  const { turns, characters, memoryCap, diskCache, svg } = growth
  const server = await tether('growth', { memoryCap, diskCache })
  const talk = conversation({ ...size, growth: characters, seed: 700, longest: 8 })
  const rows = []
  for (let turn = 1; turn <= turns; turn++) {
    const { usage, first } = await step(server.url, talk)
    const { memory, cache, rss } = turn % 5 ? await server.ask('stats') : await written(server)
    const tokens = usage.input_tokens + usage.cache_read_input_tokens + usage.cache_creation_input_tokens
    const [kept, all, disk] = [memory.prefix, memory.active, cache.diskBytes].map((bytes) => bytes / MB)
    const reused = usage.cache_read_input_tokens
    rows.push({ turn, tokens, reused, first, kept, all, disk, rss: rss / MB, evicted: cache.evictedDisk })
  }
  await server.kill()
  console.log(`growth: memory cap ${memoryCap / MB} MB, disk cap ${diskCache / MB} MB; MB after a turn`)
  console.log('turn  tokens  reused  first token (ms)  kept in memory  engine in all  on disk  RSS  records evicted')
  for (const row of rows) {
    if (row.turn !== 1 && row.turn % 5) continue
    const { turn, tokens, reused, first, kept, all, disk, rss, evicted } = row
    const cells = [turn, tokens, reused, first.toFixed(0), kept.toFixed(1), all.toFixed(1), disk.toFixed(1)]
    const widths = [4, 8, 8, 18, 16, 15, 9, 5, 17]
    console.log([...cells, rss.toFixed(0), evicted].map((cell, i) => String(cell).padStart(widths[i])).join(''))
  }
  if (svg) writeFileSync(svg, plot(rows, { memoryCap, diskCache }))
}

/** Lines over the turns, with the caps dashed. */
function plot(rows, { memoryCap, diskCache }) {
  const [width, height, left, top] = [640, 320, 60, 20]
  const series = [
    ['on disk', '#1f6fb2', rows.map(({ disk }) => disk), diskCache / MB],
    ['engine in all', '#b2461f', rows.map(({ all }) => all), memoryCap / MB],
    ['tokens (thousands)', '#777777', rows.map(({ tokens }) => tokens / 1000)],
  ]
  const most = Math.max(...series.flatMap(([, , values, cap = 0]) => [...values, cap]))
  const x = (i) => (left + (i / (rows.length - 1)) * (width - left - 20)).toFixed(1)
  const y = (value) => (height - 30 - (value / most) * (height - 30 - top)).toFixed(1)
  const lines = series.map(([name, color, values, cap], i) => {
    const points = values.map((value, at) => `${x(at)},${y(value)}`).join(' ')
    const dashed = cap
      ? `<path d="M${left} ${y(cap)}H${width - 20}" stroke="${color}" stroke-dasharray="4 4" fill="none"/>`
      : ''
    const label = `<text x="${left + 10}" y="${top + 14 + 14 * i}" fill="${color}">${name}${cap ? `, cap ${cap} MB` : ''}</text>`
    return `<polyline points="${points}" stroke="${color}" stroke-width="2" fill="none"/>${dashed}${label}`
  })
  const axes = `<path d="M${left} ${top}V${height - 30}H${width - 20}" stroke="#999" fill="none"/>
<text x="${left - 6}" y="${y(0)}" text-anchor="end" fill="#555">0</text>
<text x="${left - 6}" y="${y(most)}" dy="8" text-anchor="end" fill="#555">${most.toFixed(0)} MB</text>
<text x="${width - 20}" y="${height - 10}" text-anchor="end" fill="#555">${rows.length} turns</text>`
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">
<title>Memory and disk over the turns of a conversation</title>
<rect width="${width}" height="${height}" fill="#ffffff"/>
${axes}
${lines.join('\n')}
</svg>
`
}
