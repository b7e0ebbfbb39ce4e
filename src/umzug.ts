/** Umzug without its command line, which brings a hundred files: that is loaded when it is asked for, as a hub with the same Umzug may. */

import { createRequire, registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'
import { readFileSync } from './fs.ts'

const isCommandLine = (url: string): boolean => url.endsWith('/umzug/lib/cli.js')

/** The code of a file of CommonJS that runs when its export is read. */
const asked = (code: string): string => `
  const found = {}
  const load = exports => {
${code}
  }
  Object.defineProperty(exports, 'UmzugCLI', {
    enumerable: true,
    get: () => {
      if (!('UmzugCLI' in found)) load(found)
      return found.UmzugCLI
    },
  })`

const hooks = registerHooks({
  load: (url, context, next) =>
    isCommandLine(url)
      ? { format: 'commonjs', source: asked(readFileSync(fileURLToPath(url), 'utf8')), shortCircuit: true }
      : next(url, context),
})
export const { MigrationError, Umzug }: typeof import('umzug') = createRequire(import.meta.url)('umzug')
hooks.deregister()
