/** Graphs as SVG: values over sizes, both on logarithmic axes, a line for each design. */

type Line = Readonly<{ name: string; points: readonly (readonly [size: number, value: number])[] }>
/** @param show a value, with its unit */
export type Panel = Readonly<{ title: string; lines: readonly Line[]; show: (value: number) => string }>

const colours = ['#d1a054', '#2563eb', '#15803d']
const [width, height] = [420, 250]
const frame = { left: 70, right: 20, top: 34, bottom: 34 }

/** Panels in two columns. @param sizes what all of them are over */
export const chart = (title: string, sizes: readonly number[], unit: string, panels: readonly Panel[]): string => {
  const rows = Math.ceil(panels.length / 2)
  const drawn = panels.map(
    (panel, place) =>
      `<g transform="translate(${(place % 2) * width} ${Math.floor(place / 2) * height})">${draw(panel, sizes, unit)}</g>`,
  )
  const names = panels[0]?.lines.map(({ name }, place) => {
    const x = frame.left + place * 180
    const y = rows * height + 14
    return `<rect x="${x}" y="${y - 10}" width="12" height="12" fill="${colours[place]}"/><text x="${x + 18}" y="${y}">${name}</text>`
  })
  const size = `width="${2 * width}" height="${rows * height + 30}"`
  const body = ['<rect width="100%" height="100%" fill="white"/>', ...drawn, ...(names ?? [])]
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="sans-serif" font-size="12" role="img">\n<title>${title}</title>\n${body.join('\n')}\n</svg>\n`
}

const draw = ({ title, lines, show }: Panel, sizes: readonly number[], unit: string): string => {
  const values = lines.flatMap(({ points }) => points.map(([, value]) => value))
  // whole decades
  const [low, high] = [Math.floor(Math.log10(Math.min(...values))), Math.ceil(Math.log10(Math.max(...values)))]
  const [first, last] = [Math.log10(Math.min(...sizes)), Math.log10(Math.max(...sizes))]
  const x = (size: number): number => {
    const share = last === first ? 0.5 : (Math.log10(size) - first) / (last - first)
    return Math.round(frame.left + 20 + share * (width - frame.left - frame.right - 40))
  }
  const y = (value: number): number => {
    const share = (Math.log10(value) - low) / Math.max(1, high - low)
    return Math.round(height - frame.bottom - share * (height - frame.top - frame.bottom))
  }
  const decades = Array.from({ length: high - low + 1 }, (_, step) => 10 ** (low + step)).map(
    value =>
      `<path d="M${frame.left} ${y(value)}H${width - frame.right}" stroke="#e5e7eb"/><text x="${frame.left - 6}" y="${y(value) + 4}" text-anchor="end" fill="#6b7280">${show(value)}</text>`,
  )
  const ticks = sizes.map(
    size =>
      `<text x="${x(size)}" y="${height - frame.bottom + 16}" text-anchor="middle" fill="#6b7280">${size.toLocaleString('en')}</text>`,
  )
  const drawn = lines.map(({ points }, place) => {
    const colour = colours[place]
    const path = points.map(([size, value], step) => `${step === 0 ? 'M' : 'L'}${x(size)} ${y(value)}`).join('')
    const dots = points.map(([size, value]) => `<circle cx="${x(size)}" cy="${y(value)}" r="3.5" fill="${colour}"/>`)
    return `<path d="${path}" fill="none" stroke="${colour}" stroke-width="2"/>${dots.join('')}`
  })
  const heading = `<text x="${frame.left}" y="18" font-weight="bold">${title}</text><text x="${width - frame.right}" y="18" text-anchor="end" fill="#6b7280">${unit}</text>`
  return [heading, ...decades, ...ticks, ...drawn].join('')
}
