import { makerOn } from '../help/engine-postgres.ts'
import { sharedServer } from '../help/postgres.ts'
import { engineSuite } from '../help/suite.ts'

engineSuite('PostgreSQL', makerOn(await sharedServer()))
