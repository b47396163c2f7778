/** Settings without which a server must not start. */
import type { Edit } from '../finding/finding.ts'
import type { FileSyntax, Span } from '../syntax/syntax.ts'
import { codeIn, quoted } from './code.ts'
import { freeName } from './names.ts'

/** The edits that put, in the place of a span, `value` if it is set, and else an error that names the setting. */
export function requireSetting(file: FileSyntax, span: Span, value: string, name: string): readonly Edit[] {
  const known = file.functions().find((each) => each.name === NAME && isOurs(file, each))
  const helper = known ? NAME : freeName(file, NAME)
  const call = {
    path: file.path,
    start: span.start,
    end: span.end,
    text: `${helper}(${value}, ${quoted(name, file.style)})`,
  }
  return known ? [call] : [call, added(file, helper)]
}

const NAME = 'requiredSetting'

function isOurs(file: FileSyntax, span: Span): boolean {
  return file.blockAround(span)?.of === 'module' && /must be set: a secret has no default/.test(file.textOf(span))
}

function added(file: FileSyntax, name: string): Edit {
  const { path, style, text } = file
  const [value, string] = file.isTypeScript ? [': string | undefined', ': string'] : ['', '']
  const code = codeIn(style)`
/** A secret that everybody can read in the source is none. */
function ${name}(value${value}, name${string})${string} {
  if (!value) throw new Error(\`\${name} must be set: a secret has no default.\`);
  return value;
}
`
  return { path, start: text.length, end: text.length, text: (text.endsWith('\n') ? '' : style.newline) + code }
}
