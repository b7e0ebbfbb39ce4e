import t from 'tap'
import { didYouMean } from '../src/did-you-mean.ts'

const words = ['MIGRATOR_CHECK', 'MIGRATOR_BACKUP', 'MIGRATOR_BACKUP_KEEP', 'MIGRATOR_LOCK_TIMEOUT']

for (const [how, misspelt, meant] of [
  ['a letter swapped with the next', 'MIGRATOR_CHEKC', 'MIGRATOR_CHECK'],
  ['a letter too many', 'MIGRATOR_BACKUPS', 'MIGRATOR_BACKUP'],
  ['a letter too few', 'MIGRATOR_CHCK', 'MIGRATOR_CHECK'],
  ['another letter', 'MIGRATOR_CHACK', 'MIGRATOR_CHECK'],
  ['an end that is missing', 'MIGRATOR_LOCK_TIME', 'MIGRATOR_LOCK_TIMEOUT'],
  ['one edit from one word and two from another', 'MIGRATOR_BACKUP_KEE', 'MIGRATOR_BACKUP_KEEP'],
] as const) {
  t.test(`${how}: ${misspelt} was meant to be ${meant}`, async t => {
    t.equal(didYouMean(misspelt, words), ` (Did you mean ${meant}?)`)
  })
}

t.test('what is more than three edits away was not meant', async t => {
  for (const misspelt of ['MIGRATOR_DATABASE', 'MIGRATOR_', '', 'MIGRATOR_BACKUP_KEEPERS_'])
    t.equal(didYouMean(misspelt, words), '', misspelt)
  t.equal(didYouMean('x', []), '')
})
