/** The OASIS schema of SARIF 2.1.0 as a validator. */
import { Ajv, type ValidateFunction } from 'ajv'
import formats from 'ajv-formats'
import schema from './fixtures/sarif-schema-2.1.0.json' with { type: 'json' }

/**
 * The published schema is of draft 04. Of what changed in draft 07 it uses one thing, the name of `id`. Its pattern for
 * languages is not valid under the `u` flag.
 */
export function compileSarifSchema(): ValidateFunction {
  const { id, ...rest } = schema
  const ajv = new Ajv({ strict: false, allErrors: true, unicodeRegExp: false })
  formats.default(ajv)
  return ajv.compile({ ...rest, $schema: 'http://json-schema.org/draft-07/schema#', $id: id })
}
