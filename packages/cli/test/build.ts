/** The command's tests run the bundle that users run, so it is built first. */
import { buildProgram } from '../../../scripts/build.ts'

export default buildProgram
