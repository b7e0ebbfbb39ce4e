/** All that a step can be. */
import type { Verb } from './scene.ts'
import * as change from './verbs/change.ts'
import * as columns from './verbs/columns.ts'
import * as constraints from './verbs/constraints.ts'
import * as insert from './verbs/insert.ts'
import * as rebuild from './verbs/rebuild.ts'
import * as refused from './verbs/refused.ts'
import * as tables from './verbs/tables.ts'
import * as transactions from './verbs/transactions.ts'

/** How often each verb comes, and how it is played. A seed stands for the same cases as long as the order and the weights stay. */
export const verbs = {
  insert: [5, insert.insert],
  'insert without key': [1, insert.insertWithoutKey],
  'insert by model': [1, insert.insertByModel],
  'find or create': [1, insert.findOrCreate],
  update: [4, change.update],
  'count up': [1, change.countUp],
  upsert: [1, insert.upsert],
  'replace by key': [1, insert.replaceByKey],
  'replace by tag': [1, insert.replaceByTag],
  'change key': [2, change.changeKey],
  'exchange keys': [1, change.exchangeKeys],
  delete: [2, change.deleteOne],
  'delete all': [1, change.deleteAll],
  'delete new': [2, change.deleteNew],

  rename: [2, tables.rename],
  swap: [1, tables.swap],
  drop: [1, tables.drop],
  'drop and create': [1, rebuild.dropAndCreate],
  'delete and insert again': [1, change.deleteAndInsertAgain],
  rebuild: [1, rebuild.rebuild],
  'rebuild without a row': [1, rebuild.rebuildWithoutRow],
  merge: [1, tables.merge],
  temporary: [1, tables.temporary],
  'rename, create, copy, drop': [1, rebuild.renameCreateCopyDrop],
  'copy, drop, create, copy back': [1, rebuild.copyDropCreateCopyBack],
  'rebuild by editor': [2, rebuild.rebuildByEditor],
  create: [1, tables.create],
  'create again': [1, tables.createAgain],
  'create another': [1, tables.createAnother],

  'add column': [2, columns.addColumn],
  'remove column': [1, columns.removeColumn],
  'rename column': [2, columns.renameColumn],
  'change type': [1, columns.changeType],
  'change default': [1, columns.changeDefault],
  'change null': [1, columns.changeNull],
  'add unique': [1, constraints.addUnique],
  'add check': [1, constraints.addCheck],
  'add index': [1, constraints.addIndex],
  'remove index': [1, constraints.removeIndex],
  backfill: [1, change.backfill],
  'add reference': [1, constraints.addReference],
  look: [1, tables.look],

  begin: [4, transactions.begin],
  commit: [2, transactions.commit],
  'roll back': [3, transactions.rollBack],
  nest: [2, transactions.nest],
  overlap: [2, transactions.overlap],
  save: [3, transactions.save],
  release: [1, transactions.release],
  'roll back to': [2, transactions.rollBackTo],

  'twice the key': [1, refused.twiceTheKey],
  'no such table': [1, refused.noSuchTable],
  'several statements': [1, refused.severalStatements],
  refused: [1, refused.refusedStatement],
  'break a check': [1, refused.breakCheck],
  'conflict that rolls back': [1, refused.conflictThatRollsBack],
  'trigger that rolls back': [1, refused.triggerThatRollsBack],
  'write the history': [1, refused.writeHistory],
  'trigger on the history': [1, refused.triggerOnHistory],
} as const satisfies Readonly<Record<string, readonly [weight: number, play: Verb]>>
export type VerbName = keyof typeof verbs
