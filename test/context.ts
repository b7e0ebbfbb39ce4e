import t from 'tap'
import { type Context, confirm } from '../src/context.ts'
import { makeContext } from './help/context.ts'

const asked: string[] = []
const contextThatAnswers = async (answer: string | undefined): Promise<Context> => ({
  ...(await makeContext('/nowhere')),
  ask: async question => {
    asked.push(question)
    return answer
  },
})

t.test('who said yes beforehand is not asked', async t => {
  await t.resolves(confirm(await contextThatAnswers(undefined), true, 'x takes the place of y'))
  t.strictSame(asked, [])
})

t.test('a yes is a yes', async t => {
  for (const answer of ['y', 'Y', 'yes', ' Yes '])
    await t.resolves(confirm(await contextThatAnswers(answer), false, 'x takes the place of y'), answer)
  t.equal(asked[0], 'x takes the place of y. Go on? [y/N] ')
})

t.test('anything else is a no, and so is nobody to ask', async t => {
  for (const answer of ['', 'n', 'no', 'yes please', 'j', undefined])
    await t.rejects(confirm(await contextThatAnswers(answer), false, 'x'), { code: 'CONFIG_INVALID' }, String(answer))
})
