/** The picture of how cost grows: a panel for each curve, with the bare request and what the agent adds to it. */
import type { Curve, Point } from './results'

const WIDTH = 340
const HEIGHT = 210
const LEFT = 46
const TOP = 30
const PLOT_WIDTH = WIDTH - LEFT - 24
const PLOT_HEIGHT = HEIGHT - TOP - 44
const BARE = '#8a94a6'
const OURS = '#1a7f5a'

export function curvesPicture(curves: readonly Curve[]): string {
  const rows = Math.ceil(curves.length / 2)
  const panels = curves.map(
    (curve, index) =>
      `<g transform="translate(${(index % 2) * WIDTH},${Math.floor(index / 2) * HEIGHT})">\n${panel(curve)}\n</g>`,
  )
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH * 2}" height="${HEIGHT * rows + 24}" font-family="sans-serif" font-size="11">
<title>How the cost of a request grows</title>
<rect width="100%" height="100%" fill="white"/>
${panels.join('\n')}
<text x="${LEFT}" y="${HEIGHT * rows + 12}" fill="${BARE}">bare request, CPU µs</text>
<text x="${LEFT + 150}" y="${HEIGHT * rows + 12}" fill="${OURS}">added by tracing-agent, CPU µs (bars: least to greatest round)</text>
</svg>
`
}

function panel({ unit, points }: Curve): string {
  const most = niceLimit(Math.max(...points.map(point => Math.max(point.bareMicros, point.addedMicros.max))))
  const x = (index: number) => LEFT + (points.length === 1 ? 0.5 : index / (points.length - 1)) * PLOT_WIDTH
  const y = (micros: number) => TOP + PLOT_HEIGHT * (1 - Math.max(micros, 0) / most)
  const line = (colour: string, value: (point: Point) => number) => {
    const path = points.map((point, index) => `${x(index).toFixed(1)},${y(value(point)).toFixed(1)}`).join(' ')
    return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`
  }
  const parts = [`<text x="${LEFT}" y="18" font-weight="bold">${unit}</text>`]
  for (const part of [0, 0.5, 1]) {
    const at = y(most * part).toFixed(1)
    parts.push(
      `<line x1="${LEFT}" x2="${LEFT + PLOT_WIDTH}" y1="${at}" y2="${at}" stroke="#dddddd"/>`,
      `<text x="${LEFT - 6}" y="${Number(at) + 4}" text-anchor="end">${most * part}</text>`,
    )
  }
  parts.push(
    line(BARE, point => point.bareMicros),
    line(OURS, point => point.addedMicros.median),
  )
  for (const [index, { at, addedMicros }] of points.entries()) {
    const centre = x(index).toFixed(1)
    parts.push(
      `<line x1="${centre}" x2="${centre}" y1="${y(addedMicros.min).toFixed(1)}" y2="${y(addedMicros.max).toFixed(1)}" stroke="${OURS}"/>`,
      `<circle cx="${centre}" cy="${y(addedMicros.median).toFixed(1)}" r="3" fill="${OURS}"/>`,
      `<text x="${centre}" y="${TOP + PLOT_HEIGHT + 18}" text-anchor="middle">${at}</text>`,
    )
  }
  return parts.join('\n')
}

/** The next of 2, 4, 10, 20, 40, 100, … */
function niceLimit(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)))
  return [1, 2, 4, 10].map(factor => factor * power).find(limit => limit >= value)!
}
