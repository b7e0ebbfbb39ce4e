#!/usr/bin/env node
// Plain JavaScript, and nothing imported before the check: an old Node cannot read TypeScript, and better-sqlite3
// (Node-API 10) ends it by a segmentation fault without a word.
const { napi, node } = process.versions
// no warning of Node is for whoever reads the log, such as that an older one strips types
process.removeAllListeners('warning')
if (Number(napi) >= 10 && process.features.typescript) {
  // an installed package brings JavaScript: Node reads no TypeScript below node_modules
  const main = { true: '../dist/main.js', false: '../src/main.ts' }
  await import(main[import.meta.dirname.includes('node_modules')])
} else {
  process.stderr.write(`error: Node ${node} is too old: homelab-migrator needs Node 22.18 or later (CONFIG_INVALID)\n`)
  process.exitCode = 2
}
