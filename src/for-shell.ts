/** A path as a shell takes it in a command that a hint proposes. */
export const forShell = (path: string): string =>
  /^[\w./:=,@%+-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`
