import { maker } from '../help/engine-sqlite.ts'
import { engineSuite } from '../help/suite.ts'

engineSuite('SQLite', maker)
