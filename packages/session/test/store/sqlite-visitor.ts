/** Another process that reads a database once and goes: `node sqlite-visitor.ts <database>`. */
import { openDatabase } from '../../src/store/sqlite/database.ts'

const [, , path = ''] = process.argv
const database = openDatabase(path)
database.exec('SELECT count(*) FROM sessions')
database.close()
