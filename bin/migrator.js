#!/usr/bin/env node
// Plain JavaScript, and nothing imported before the check: an old Node cannot read TypeScript, and better-sqlite3
// (Node-API 10) ends it by a segmentation fault without a word.
const { napi, node } = process.versions
// no warning of Node is for whoever reads the log, such as that an older one strips types
process.removeAllListeners('warning')
if (Number(napi) >= 10 && process.features.typescript) {
  // an installed package brings JavaScript: Node reads no TypeScript below node_modules
  const installed = import.meta.dirname.includes('node_modules')
  keepCompiled(`${import.meta.dirname}/${installed ? '../..' : '../node_modules'}`)
  if (!installed) resolveSources(new URL('../src/', import.meta.url).href)
  try {
    await import(installed ? '../dist/main.js' : '../src/main.ts')
  } catch (error) {
    if (error?.code !== 'ERR_MODULE_NOT_FOUND') throw error
    const [what] = String(error.message).replace('Cannot', 'cannot').split(' imported from ')
    refuse(`this installation is incomplete: ${what}`, 'In a checkout, run `npm ci`. Elsewhere, install it again.')
  }
} else {
  refuse(
    `Node ${node} is too old: homelab-migrator needs Node 22.18 or later`,
    'In a checkout, `npm ci` installs one, which `npm start` and `npx migrator` then use.',
  )
}

/** A start takes half as long with what Node made of these files before. Not for root in a user's folder, and not where coverage is measured. */
function keepCompiled(modules) {
  const { statSync } = process.getBuiltinModule('node:fs')
  if (process.env.NODE_V8_COVERAGE || statSync(modules, { throwIfNoEntry: false })?.uid !== process.getuid?.()) return
  process.getBuiltinModule('node:module').enableCompileCache(`${modules}/.cache/homelab-migrator`)
}

/** Sources name each other by their files, so Node need not look for them, nor ask each folder what kind they are: a tenth of a start. */
function resolveSources(folder) {
  process.getBuiltinModule('node:module').registerHooks({
    resolve: (name, context, next) =>
      name.startsWith('.') && name.endsWith('.ts') && context.parentURL?.startsWith(folder)
        ? { url: new URL(name, context.parentURL).href, format: 'module-typescript', shortCircuit: true }
        : next(name, context),
  })
}

function refuse(message, hint) {
  process.stderr.write(`error: ${message} (CONFIG_INVALID)\n  ${hint}\n`)
  process.exitCode = 2
}
