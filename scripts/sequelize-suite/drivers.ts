/**
 * Loaded before Sequelize's tests: what they get for a driver. With SQLITE3=bridge that of SQLite is the bridge, loaded here, before
 * the tests have their own compiler for TypeScript.
 */
import { Module } from 'node:module'
import * as bridge from './sqlite3.ts'

const stands: ReadonlyMap<string, unknown> = new Map([
  ...(process.env.SQLITE3 === 'bridge' ? [['sqlite3', bridge] as const] : []),
  // of other databases: not built, or not for this version of Node, and never called
  ['ibm_db', {}],
  ['odbc', {}],
  ['buffer-equal-constant-time', {}],
])

const { require: usual } = Module.prototype
Module.prototype.require = function (this: Module, id: string): unknown {
  return stands.has(id) ? stands.get(id) : usual.call(this, id)
}
