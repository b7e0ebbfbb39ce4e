// Preloaded with --require: prints, as the last thing, what this process has loaded.
const { registerHooks } = require('node:module')
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
  const builtins = process.moduleLoadList
    .filter(name => !before.has(name))
    .map(name => name.replace('NativeModule ', ''))
  writeSync(1, JSON.stringify({ files: [...files], builtins }))
})
