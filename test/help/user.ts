/** Why a test is skipped that runs as another user. */
export const notRoot = process.getuid?.() !== 0 && 'needs root, to become another user'

/** Works as a user who has no rights of root; root may read and write whatever its mode says. */
export const asOther = async <T>(work: () => T | Promise<T>): Promise<T> => {
  process.seteuid?.(1000)
  try {
    return await work()
  } finally {
    process.seteuid?.(0)
  }
}
