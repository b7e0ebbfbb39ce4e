/** A number for people: `475,200`. */
export const formatCount = (count: number): string => count.toLocaleString('en')

/** A number of things: `1 backup`, `3 backups`. */
export const formatThings = (count: number, thing: string): string =>
  `${formatCount(count)} ${thing}${count === 1 ? '' : 's'}`

/** A number of bytes for people: `340 B`, `1.2 MB`. */
export const formatBytes = (bytes: number): string => {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(bytes, 1)) / 3))
  return `${power === 0 ? bytes : (bytes / 1000 ** power).toFixed(1)} ${units[power]}`
}

/** A time in ISO 8601 for people: `2026-01-18 10:00:00`, in UTC as it was. */
export const formatTime = (time: string): string => time.slice(0, 19).replace('T', ' ')
