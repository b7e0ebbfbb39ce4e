#!/usr/bin/env node
// Plain JavaScript, and nothing imported before the check: an old Node cannot read TypeScript, and better-sqlite3
// (Node-API 10) ends it by a segmentation fault without a word.
const { napi, node } = process.versions
// no warning of Node is for whoever reads the log, such as that an older one strips types
process.removeAllListeners('warning')
if (Number(napi) >= 10 && process.features.typescript) {
  // an installed package brings JavaScript: Node reads no TypeScript below node_modules
  const main = { true: '../dist/main.js', false: '../src/main.ts' }
  try {
    await import(main[import.meta.dirname.includes('node_modules')])
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

function refuse(message, hint) {
  process.stderr.write(`error: ${message} (CONFIG_INVALID)\n  ${hint}\n`)
  process.exitCode = 2
}
