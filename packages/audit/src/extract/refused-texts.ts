/**
 * Texts in the source that start-up does not go on with: whoever leaves a secret at its default is told so and the program
 * ends, or the default is replaced by something that was made.
 */
import type { Node } from './ast.ts'
import { bare, isNode, staticKey } from './ast.ts'
import { isOptional } from './conditions.ts'
import { evaluate } from './expressions.ts'
import type { Environment } from './heap.ts'
import type { Machine } from './machine.ts'
import type { State } from './state.ts'
import type { Value } from './value.ts'
import { onlyString, strings } from './value.ts'

/** What a condition asks of a variable or property, and which texts it holds for. */
interface Question {
  readonly subject: Node
  readonly holdsFor: (text: string) => boolean
}

/**
 * `if (secret === 'changeme') throw …`, `if (key.length < 32) process.exit(1)`, `if (key === 'secret') key = made()`.
 * `ended`: what stands behind the condition does not go on.
 */
export function noteRefusedTexts(machine: Machine, node: Node, ended: boolean, state: State, env: Environment): void {
  if (machine.context.trigger !== 'startup' || isOptional(machine, state)) return
  for (const test of alternativesIn(node['test'] as Node)) {
    const question = questionIn(machine, test, state, env)
    if (question === undefined || !(ended || replaces(node['consequent'] as Node, question.subject, env))) continue
    const value = evaluate(machine, question.subject, state, env)
    for (const text of strings(value)) {
      if (!question.holdsFor(text)) continue
      machine.refusedTexts.add(keyOf(text, value))
      for (const tag of value.tags) if (tag.startsWith('was-')) machine.refusedDefaults.add(tag)
    }
  }
}

/** What passes a schema that asks for so many characters: a default that is shorter is where start-up ends. */
export function refuseShort(machine: Machine, value: Value, least: number): Value {
  const short = strings(value).filter(({ length }) => length < least)
  if (short.length === 0) return value
  for (const tag of value.tags) {
    const site = machine.fallbacks.get(tag)
    // Elsewhere the same setting may fall back to another text, which nothing refuses.
    if (site !== undefined && short.includes(site.file.text.slice(site.start + 1, site.end - 1)))
      machine.fallbacks.delete(tag)
  }
  return value.with({ primitives: value.primitives.filter((item) => typeof item !== 'string' || item.length >= least) })
}

/** Whether a program goes on with a value that may be this text. */
export function isRefusedText(machine: Machine, text: string, value: Value): boolean {
  return machine.refusedTexts.has(keyOf(text, value))
}

/** One text may be the default of several settings, and be refused for some of them. */
function keyOf(text: string, { tags }: Value): string {
  const settings = tags.flatMap((tag) => /^(?:was-)?((?:env|opt|setting):.+)$/.exec(tag)?.[1] ?? [])
  return `${text}\n${[...new Set(settings)].toSorted().join()}`
}

function alternativesIn(test: Node): readonly Node[] {
  const node = bare(test)
  if (node.type !== 'LogicalExpression' || node['operator'] !== '||') return [node]
  return [...alternativesIn(node['left'] as Node), ...alternativesIn(node['right'] as Node)]
}

function questionIn(machine: Machine, test: Node, state: State, env: Environment): Question | undefined {
  if (test.type === 'BinaryExpression') return comparedIn(machine, test, state, env)
  return test.type === 'CallExpression' ? listedIn(machine, test, state, env) : undefined
}

function comparedIn(machine: Machine, test: Node, state: State, env: Environment): Question | undefined {
  const operator = String(test['operator'])
  const [left, right] = [bare(test['left'] as Node), bare(test['right'] as Node)]
  if (operator === '===' || operator === '==') {
    for (const [subject, other] of [
      [plainIn(left), right],
      [plainIn(right), left],
    ] as const) {
      const text = subject === undefined ? undefined : textOf(machine, other, state, env)
      if (subject !== undefined && text !== undefined) return { subject, holdsFor: (item) => item === text }
    }
  }
  const isLength = left.type === 'MemberExpression' && staticKey(left) === 'length'
  const subject = isLength ? plainIn(left['object'] as Node) : undefined
  const least = right.type === 'Literal' ? right['value'] : undefined
  if (subject === undefined || typeof least !== 'number' || !/^<=?$/.test(operator)) return undefined
  return { subject, holdsFor: ({ length }) => (operator === '<' ? length < least : length <= least) }
}

/** `WEAK.includes(secret)`, `WEAK.has(secret)` */
function listedIn(machine: Machine, test: Node, state: State, env: Environment): Question | undefined {
  const callee = bare(test['callee'] as Node)
  const [first] = test['arguments'] as Node[]
  const subject = first === undefined ? undefined : plainIn(first)
  if (callee.type !== 'MemberExpression' || !/^(?:includes|has)$/.test(staticKey(callee) ?? '')) return undefined
  const list = plainIn(callee['object'] as Node)
  if (subject === undefined || list === undefined) return undefined
  const { objects } = evaluate(machine, list, state, env)
  const texts = new Set(objects.flatMap((item) => [...strings(item.item), ...strings(item.key)]))
  return { subject, holdsFor: (text) => texts.has(text) }
}

/** A name, or names joined by dots, whatever is done about its case: to look at it again does nothing. */
function plainIn(given: Node): Node | undefined {
  const node = bare(given)
  if (node.type === 'CallExpression') {
    const callee = bare(node['callee'] as Node)
    const isSame = callee.type === 'MemberExpression' && /^(?:toLowerCase|trim)$/.test(staticKey(callee) ?? '')
    return isSame ? plainIn(callee['object'] as Node) : undefined
  }
  if (node.type === 'Identifier') return node
  if (node.type !== 'MemberExpression' || node['computed'] === true) return undefined
  return plainIn(node['object'] as Node) === undefined ? undefined : node
}

function textOf(machine: Machine, node: Node, state: State, env: Environment): string | undefined {
  if (node.type === 'Literal') return typeof node['value'] === 'string' ? node['value'] : undefined
  return plainIn(node) === undefined ? undefined : onlyString(evaluate(machine, node, state, env))
}

/** Something else is put there. */
function replaces(consequent: Node, subject: Node, { file: { text } }: Environment): boolean {
  const written = (node: Node): string => text.slice(node.start, node.end)
  const statements = consequent.type === 'BlockStatement' ? (consequent['body'] as Node[]) : [consequent]
  return statements.some(({ type, expression }) => {
    if (type !== 'ExpressionStatement' || !isNode(expression)) return false
    const assignment = bare(expression)
    return assignment.type === 'AssignmentExpression' && written(assignment['left'] as Node) === written(subject)
  })
}
