import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Puts `text` into `file` so that even a power cut leaves the old content or all of the new: temporary file beside it,
 * fsync, rename, fsync of the folder. One writer at a time: the temporary file's name is fixed, so that the next run
 * overwrites what a killed one left.
 */
export const replaceFile = (file: string, text: string): void => {
  const temporary = `${file}.tmp`
  try {
    writeFileSync(temporary, text, { flush: true })
    renameSync(temporary, file)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
  syncFolder(dirname(file))
}

/** Makes what was renamed in a folder durable. */
export const syncFolder = (folder: string): void => {
  const descriptor = openSync(folder, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
