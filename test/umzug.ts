import { createRequire } from 'node:module'
import t from 'tap'
import '../src/umzug.ts'

t.test('the command line of Umzug is loaded when it is asked for, and works', async t => {
  const require = createRequire(import.meta.url)
  const { Umzug } = require('umzug')
  const isLoaded = (): boolean => Object.keys(require.cache).some(file => file.includes('ts-command-line'))
  t.notOk(isLoaded())
  const umzug = new Umzug({ migrations: [], logger: undefined })
  t.type(umzug.getCli({ toolFileName: 'x', toolDescription: 'y' }).executeWithoutErrorHandling, 'function')
  t.ok(isLoaded())
})
