// Preloaded with --require: prints, as the last thing, what this process has loaded.
const { registerHooks } = require('node:module')
const { pathToFileURL } = require('node:url')
const { writeSync } = require('node:fs')
const files = new Set()
const before = new Set(process.moduleLoadList)
registerHooks({
  load: (url, context, next) => {
    files.add(url)
    return next(url, context)
  },
})
process.on('exit', () => {
  // the bundle's files run each other without asking Node
  for (const path of Object.keys(require.cache))
    if (path !== __filename && !path.endsWith('.node')) files.add(pathToFileURL(path).href)
  const builtins = process.moduleLoadList
    .filter(name => !before.has(name))
    .map(name => name.replace('NativeModule ', ''))
  writeSync(1, JSON.stringify({ files: [...files], builtins }))
})
