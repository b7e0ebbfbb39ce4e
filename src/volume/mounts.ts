/** One line of /proc/self/mountinfo (proc(5)), as far as it matters here. */
export type Mount = Readonly<{ point: string; filesystem: string; source: string; options: readonly string[] }>

/** The mount table out of the text of /proc/self/mountinfo. Lines that do not look like one are passed over. */
export const parseMounts = (mountinfo: string): readonly Mount[] =>
  mountinfo.split('\n').flatMap(line => {
    const [before = '', after = ''] = line.split(' - ')
    const [, , , , point, options] = before.split(' ')
    const [filesystem, source] = after.split(' ')
    if (point === undefined || options === undefined || filesystem === undefined || source === undefined) return []
    return [{ point: unescapeOctal(point), filesystem, source: unescapeOctal(source), options: options.split(',') }]
  })

/** The mount that a real path (no symlinks left in it) is on: the longest mount point above it, the last one mounted there. */
export const mountOf = (mounts: readonly Mount[], path: string): Mount | undefined =>
  mounts.reduce<Mount | undefined>(
    (best, mount) =>
      isWithin(path, mount.point) && (best === undefined || mount.point.length >= best.point.length) ? mount : best,
    undefined,
  )

const isWithin = (path: string, folder: string): boolean =>
  folder === '/' || path === folder || path.startsWith(`${folder}/`)

/** The kernel writes space, tab, newline and backslash as octal: `\040`. */
const unescapeOctal = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
