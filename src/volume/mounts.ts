/** One line of /proc/self/mountinfo (proc(5)), as far as it matters here. */
export type Mount = Readonly<{
  id: string
  /** of the mount that it is in */
  parent: string
  point: string
  filesystem: string
  source: string
  options: readonly string[]
}>

/** The mount table out of the text of /proc/self/mountinfo. Lines that do not look like one are passed over. */
export const parseMounts = (mountinfo: string): readonly Mount[] =>
  mountinfo.split('\n').flatMap(line => {
    const [before = '', after = ''] = line.split(' - ')
    const [id = '', parent = '', , , point, options] = before.split(' ')
    const [filesystem, source] = after.split(' ')
    if (point === undefined || options === undefined || filesystem === undefined || source === undefined) return []
    return [
      {
        id,
        parent,
        point: unescapeOctal(point),
        filesystem,
        source: unescapeOctal(source),
        options: options.split(','),
      },
    ]
  })

/**
 * The mount that a real path (no symlinks left in it) is on. Found as the kernel walks: from the top down, each time into the
 * first mount on the way that stands in the last one, so that what a later mount covers is passed over.
 */
export const mountOf = (mounts: readonly Mount[], path: string): Mount | undefined => {
  const ids = new Set(mounts.map(({ id }) => id))
  // what the top ones stand in is not in a container's table
  const standsIn = ({ id, parent }: Mount, from: Mount | undefined): boolean =>
    from === undefined ? parent === id || !ids.has(parent) : parent === from.id && id !== from.id
  const walk = (from: Mount | undefined): Mount | undefined => {
    const [next] = mounts
      .filter(mount => standsIn(mount, from) && isWithin(path, mount.point))
      .sort((one, other) => one.point.length - other.point.length)
    return next === undefined ? from : walk(next)
  }
  return walk(undefined)
}

const isWithin = (path: string, folder: string): boolean =>
  folder === '/' || path === folder || path.startsWith(`${folder}/`)

/** The kernel writes space, tab, newline and backslash as octal: `\040`. */
const unescapeOctal = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
