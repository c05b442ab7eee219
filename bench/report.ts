/** node build/bench/report.js: bench/RESULTS.md and bench/results.svg from bench/results.json. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CASES } from './cases'
import { curvesPicture } from './curves'
import { ROOT } from './place'
import { type Block, type Curve, load, OLDEST_LINE, OTHER_LINES, type Results, type Row } from './results'

const OURS = 'tracing-agent'
const OTHER = 'OpenTelemetry 0.81'

/** Highest share of what OpenTelemetry adds that we may add. */
const TARGETS: Readonly<Record<string, number>> = {
  plain: 1 / 6,
  'plain-off': 1 / 12,
  express: 1 / 12,
  'express-all': 1 / 5,
  calls: 1 / 6,
  'grpc-server': 1 / 5,
  'grpc-client': 1 / 5,
}

type Agents = Record<string, Row>

const added = (agents: Agents, name: string) =>
  agents[name]!.cpuMicrosPerRequest.median - agents['bare']!.cpuMicrosPerRequest.median

const share = (value: number) => (value <= 0 ? '0' : `1/${(1 / value).toFixed(1)}`)

/** The main table, which the README quotes: what each agent adds to a request. */
export function mainTable(results: Results): string {
  const names = [...new Set(Object.values(results.cases).flatMap(({ agents }) => Object.keys(agents)))].filter(
    name => name !== 'bare',
  )
  const lines = [
    `| CPU µs per request | bare | ${names.join(' | ')} | of OpenTelemetry's |`,
    `| --- | --: |${' --: |'.repeat(names.length)} --: |`,
  ]
  for (const { name } of CASES) {
    const found = results.cases[name]
    if (found === undefined) continue
    const { title, agents } = found
    const cells = names.map(each => (agents[each] === undefined ? '' : signed(added(agents, each))))
    const part = agents[OTHER] === undefined ? '' : share(added(agents, OURS) / added(agents, OTHER))
    lines.push(
      `| ${title} | ${agents['bare']!.cpuMicrosPerRequest.median.toFixed(1)} | ${cells.join(' | ')} | ${part} |`,
    )
  }
  return lines.join('\n')
}

function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(1)}`
}

function targets({ cases, starts, exporterStarts, growth, blocks }: Results): string {
  const lines = ['| | measured | target | |', '| --- | --: | --: | --- |']
  const add = (what: string, measured: string, target: string, isMet: boolean) =>
    lines.push(`| ${what} | ${measured} | ${target} | ${isMet ? 'met' : 'not met'} |`)
  for (const [name, target] of Object.entries(TARGETS)) {
    const found = cases[name]
    if (found === undefined) continue
    const part = added(found.agents, OURS) / added(found.agents, OTHER)
    add(`${found.title}: added CPU, of OpenTelemetry's`, share(part), share(target), part <= target)
  }
  const plain = cases['plain']?.agents
  if (plain !== undefined) {
    const part = added(plain, OURS) / plain['bare']!.cpuMicrosPerRequest.median
    add('plain http server: added CPU, of the bare request', part.toFixed(2), '0.33', part <= 1 / 3)
  }
  const express = cases['express']?.agents
  if (express !== undefined) {
    const part = express[OURS]!.perSecond.median / express['bare']!.perSecond.median
    add('express: throughput, of bare', part.toFixed(2), '0.92', part >= 0.92)
    const longer = express[OURS]!.p99LoadedOfBare?.median
    if (longer !== undefined) {
      add('express: p99 latency at 70 % load, of bare', longer.toFixed(2), '1.15', longer <= 1.15)
    }
  }
  for (const [program, most] of [
    ['empty.cjs', 15],
    ['empty.mjs', 25],
  ] as const) {
    const ours = starts.find(start => start.agent === OURS && start.program === program)
    const bare = starts.find(start => start.agent === 'bare' && start.program === program)
    if (ours === undefined || bare === undefined) continue
    const more = ours.cpuMs - bare.cpuMs
    add(`start of ${program}: added CPU ms`, more.toFixed(1), String(most), more <= most)
    const [worst] = exporterStarts
      .filter(start => start.program === program)
      .sort((one, other) => other.addedCpuMs - one.addedCpuMs)
    if (worst !== undefined) {
      const what = `the same with the exporter that takes longest, ${worst.exporter}`
      add(what, worst.addedCpuMs.toFixed(1), String(most), worst.addedCpuMs <= most)
    }
    if (program === 'empty.mjs') continue
    const memory = ours.rssMb - bare.rssMb
    add('memory after the start: added MB', memory.toFixed(1), '8', memory <= 8)
    add('installation: MB', ours.installMb.toFixed(1), '3', ours.installMb <= 3)
    add('installation: packages', String(ours.packages), '12', ours.packages <= 12)
  }
  const requests = growth.find(({ title }) => title === 'requests')?.points
  const [early, late] = [requests?.find(({ at }) => at === '100000'), requests?.find(({ at }) => at === '1000000')]
  if (early !== undefined && late !== undefined) {
    const more = late.memoryMb - early.memoryMb
    add('memory after 1,000,000 requests, above that after 100,000: MB', more.toFixed(1), '3', more <= 3)
  }
  const [slowest] = [...blocks].sort((one, other) => other.laterMs - one.laterMs)
  if (slowest !== undefined) {
    const what = `longest block of the event loop by an encoding (${slowest.name}): ms`
    add(what, slowest.laterMs.toFixed(2), '1', slowest.laterMs <= 1)
  }
  return lines.join('\n')
}

function details(results: Results): string {
  return Object.values(results.cases)
    .map(({ title, agents }) => {
      const isLoaded = Object.values(agents).some(row => row.p99LoadedMicros !== undefined)
      const head = ['', 'CPU µs (least to greatest)', 'requests/s', 'memory MB', 'spans', 'bytes per span']
      if (isLoaded) head.push('p50 µs at 70 %', 'p99 µs at 70 %')
      const lines = [`| ${head.join(' | ')} |`, `| --- |${' --: |'.repeat(head.length - 1)}`]
      for (const [name, row] of Object.entries(agents)) {
        const { median, min, max } = row.cpuMicrosPerRequest
        const cells = [
          name,
          `${median.toFixed(1)} (${min.toFixed(1)} to ${max.toFixed(1)})`,
          String(Math.round(row.perSecond.median)),
          row.memoryMb.median.toFixed(0),
          row.spansPerRequest.median.toFixed(2),
          row.bytesPerSpan.median.toFixed(0),
        ]
        if (isLoaded)
          cells.push(...[row.p50LoadedMicros, row.p99LoadedMicros].map(each => each?.median.toFixed(0) ?? ''))
        lines.push(`| ${cells.join(' | ')} |`)
      }
      return `### ${title}\n\n${lines.join('\n')}`
    })
    .join('\n\n')
}

function starts({ starts }: Results): string {
  const lines = [
    '| program | | CPU ms | wall ms | memory MB | files loaded | installation MB | packages |',
    '| --- | --- | --: | --: | --: | --: | --: | --: |',
  ]
  for (const { program, agent, cpuMs, wallMs, rssMb, files, installMb, packages } of starts) {
    lines.push(
      `| ${program} | ${agent} | ${cpuMs.toFixed(0)} | ${wallMs.toFixed(0)} | ${rssMb.toFixed(0)} | ${files} | ${installMb.toFixed(1)} | ${packages} |`,
    )
  }
  return lines.join('\n')
}

function exporters({ exporterStarts, firstAnswers }: Results): string {
  if (exporterStarts.length === 0) return ''
  const programs = [...new Set(exporterStarts.map(({ program }) => program))]
  const lines = [`| CPU ms added to a start | ${programs.join(' | ')} |`, `| --- |${' --: |'.repeat(programs.length)}`]
  for (const exporter of new Set(exporterStarts.map(start => start.exporter))) {
    const cells = programs.map(program => {
      const start = exporterStarts.find(each => each.exporter === exporter && each.program === program)
      return start?.addedCpuMs.toFixed(1) ?? ''
    })
    lines.push(`| ${exporter} | ${cells.join(' | ')} |`)
  }
  const bare = firstAnswers.find(({ agent }) => agent === 'bare')?.cpuMs ?? 0
  const first = ['| CPU ms until the first answer of an HTTP server | |', '| --- | --: |']
  for (const { agent, cpuMs } of firstAnswers) {
    first.push(`| ${agent} | ${agent === 'bare' ? cpuMs.toFixed(1) : signed(cpuMs - bare)} |`)
  }
  return `\nWhat traces HTTP is loaded when a program loads it, and what sends spans with the first batch.\n\n${first.join('\n')}\n\nOur agent with each exporter:\n\n${lines.join('\n')}\n`
}

function blocks(rows: readonly Block[]): string {
  const lines = ['| ms | first batch of a process | later ones |', '| --- | --: | --: |']
  for (const { name, firstMs, laterMs } of rows) {
    lines.push(`| ${name} | ${firstMs.toFixed(2)} | ${laterMs.toFixed(2)} |`)
  }
  return lines.join('\n')
}

function pieces({ pieces }: Results): string {
  const lines = ['| ns of CPU for one | ours | OpenTelemetry SDK 2 |', '| --- | --: | --: |']
  for (const { name, ours, openTelemetry } of pieces) {
    lines.push(`| ${name} | ${ours.toFixed(0)} | ${openTelemetry?.toFixed(0) ?? ''} |`)
  }
  return lines.join('\n')
}

function growth(curves: readonly Curve[]): string {
  return curves
    .map(({ unit, points }) => {
      const lines = [
        `| ${unit} | bare µs | added µs (least to greatest) | bare MB | memory MB |`,
        '| --: | --: | --: | --: | --: |',
      ]
      for (const { at, bareMicros, addedMicros, bareMemoryMb, memoryMb } of points) {
        const { median, min, max } = addedMicros
        const added = `${signed(median)} (${min.toFixed(1)} to ${max.toFixed(1)})`
        lines.push(
          `| ${at} | ${bareMicros.toFixed(1)} | ${added} | ${bareMemoryMb.toFixed(0)} | ${memoryMb.toFixed(0)} |`,
        )
      }
      return lines.join('\n')
    })
    .join('\n\n')
}

/** Bars of what each agent adds to a request, one group for each program. */
function picture(results: Results): string {
  const colours = ['#1a7f5a', '#8a94a6', '#b8a07e', '#c9a3b8']
  const groups = CASES.filter(({ name }) => results.cases[name] !== undefined)
  const height = 26
  const rows: string[] = []
  let y = 10
  for (const { name } of groups) {
    const { title, agents } = results.cases[name]!
    const names = Object.keys(agents).filter(each => each !== 'bare')
    const most = Math.max(...names.map(each => added(agents, each)), 1)
    rows.push(`<text x="10" y="${y + 14}" font-weight="bold">${title}</text>`)
    y += 22
    for (const [index, each] of names.entries()) {
      const value = added(agents, each)
      const width = Math.max((Math.max(value, 0) / most) * 420, 1)
      rows.push(
        `<text x="180" y="${y + 13}" text-anchor="end">${each}</text>`,
        `<rect x="190" y="${y}" width="${width.toFixed(1)}" height="${height - 10}" fill="${colours[index % colours.length]}"/>`,
        `<text x="${(196 + width).toFixed(1)}" y="${y + 13}">${signed(value)} µs</text>`,
      )
      y += height - 6
    }
    y += 14
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" width="720" height="${y}" font-family="sans-serif" font-size="12">
<title>CPU that agents add to a request</title>
<rect width="100%" height="100%" fill="white"/>
${rows.join('\n')}
</svg>
`
}

/** The same on newer versions of Node. */
function others(): string {
  const found = OTHER_LINES.map(load).filter(({ cases }) => Object.keys(cases).length > 0)
  if (found.length === 0) return ''
  const parts = found.map(
    results => `### Node ${results.node}, rounds: ${results.rounds}\n\n${mainTable(results)}\n\n${targets(results)}\n`,
  )
  return `\n## On newer versions of Node\n\nFrom Node 24 on to pass on a context costs next to nothing.\n\n${parts.join('\n')}`
}

function document(results: Results): string {
  return `# What it costs

Measured on ${results.cpu}, Node ${results.node}, the median of rounds: ${results.rounds}. The numbers depend on the
machine, their ratios hardly do.

    npm run bench             # programs and starts; installs the other agents into a cache outside of the checkout
    npm run bench:growth      # how cost grows
    npm run bench:micro       # the pieces, and how long encodings keep the event loop
    npm run build && node24 build/bench/run.js && node build/bench/report.js   # on another Node

One core runs the program; load and receiver run on another. CPU is what the kernel counts for all threads of the program,
per request, until the last span has been delivered. All spans go by OTLP to a receiver on the same machine (those of
dd-trace and elastic-apm in their own formats, not counted as spans). The agents take turns in each round.

![CPU that agents add to a request](results.svg)

${mainTable(results)}

## Targets

${targets(results)}

## Starts

An empty program, and its memory 50 ms later.

${starts(results)}
${exporters(results)}${others()}
## Programs

${details(results)}
${results.growth.length === 0 ? '' : `\n## How it grows\n\nWhat is added to a request of the plain http server, unless it says otherwise. A process that has answered few requests\nruns code that V8 has not compiled yet, without an agent as well.\n\n![How the cost of a request grows](growth.svg)\n\n${growth(results.growth)}\n`}${results.pieces.length === 0 ? '' : `\n## Pieces\n\n${pieces(results)}\n`}${results.blocks.length === 0 ? '' : `\n## Encodings\n\nThe longest time between two turns of the event loop while a batch of 512 spans is encoded. In the first batch V8 compiles\nthe encoding, and a single span can take longer than a millisecond.\n\n${blocks(results.blocks)}\n`}`
}

if (require.main === module) {
  const results = load(OLDEST_LINE)
  writeFileSync(join(ROOT, 'bench/RESULTS.md'), document(results))
  writeFileSync(join(ROOT, 'bench/results.svg'), picture(results))
  if (results.growth.length > 0) writeFileSync(join(ROOT, 'bench/growth.svg'), curvesPicture(results.growth))
}
