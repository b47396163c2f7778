/** The tool and its rules, with the taxonomies they refer to, in SARIF's words. */
import { type RequirementId, requirements } from '@sallyport/requirements'
import type { ReportingDescriptor, ToolComponent, ToolComponentReference } from 'sarif'
import type { Report, Severity } from '../../finding/finding.ts'
import type { Rule, RuleEntry } from '../../rules/rule.ts'

export const LEVEL = { critical: 'error', high: 'error', medium: 'warning', low: 'note' } as const

/** The CVSS-like number by which code scanning services band severities. */
export const SECURITY_SEVERITY: Readonly<Record<Severity, string>> = {
  critical: '9.5',
  high: '8.0',
  medium: '5.5',
  low: '3.0',
}

/** Ids of what a notification can be about. */
export const NOTIFICATIONS = { gap: 'gap', openRule: 'open-rule' } as const

const NOTIFICATION_DESCRIPTORS: readonly ReportingDescriptor[] = [
  notification(NOTIFICATIONS.gap, {
    short: 'Something that could not be read or understood',
    full: 'Part of the source was skipped. A rule that needed it stays open and is named in the message.',
    help: 'Mend the file, or leave it out of the audit if it is not code of the server.',
  }),
  notification(NOTIFICATIONS.openRule, {
    short: 'A rule that could not be decided',
    full: 'Not enough was known to say that the weakness is there or that it is not. An open rule is never a passed one.',
    help: 'Read the reasons and check by hand what the audit could not follow.',
  }),
]

function notification(id: string, { short, full, help }: Readonly<Record<'short' | 'full' | 'help', string>>) {
  return {
    id,
    name: pascalCase(id),
    shortDescription: { text: short },
    fullDescription: { text: full },
    help: { text: help },
  }
}

const CWE_INDEX = 0
const REQUIREMENTS_INDEX = 1
const CWE: ToolComponentReference = { name: 'CWE', index: CWE_INDEX }
const REQUIREMENTS: ToolComponentReference = { name: 'sallyport-requirements', index: REQUIREMENTS_INDEX }

export function driverOf(
  { tool }: Report,
  rules: readonly RuleEntry[],
  pages: ReadonlyMap<string, string>,
): ToolComponent {
  const taxa = taxaOf(rules)
  return {
    name: tool.name,
    version: tool.version,
    semanticVersion: tool.version,
    shortDescription: { text: 'Session security for MCP servers' },
    rules: rules.map(({ rule }) => ruleDescriptor(rule, taxa, pages.get(rule.id))),
    notifications: [...NOTIFICATION_DESCRIPTORS],
    supportedTaxonomies: [CWE, REQUIREMENTS],
  }
}

/** CWE and the requirements, as far as the rules cite them. */
export function taxonomiesOf({ tool }: Report, rules: readonly RuleEntry[]): ToolComponent[] {
  const taxa = taxaOf(rules)
  return [
    {
      name: 'CWE',
      organization: 'MITRE',
      shortDescription: { text: 'The MITRE Common Weakness Enumeration' },
      informationUri: 'https://cwe.mitre.org/',
      isComprehensive: false,
      taxa: taxa.cwe.map((id) => ({ id, helpUri: cweLink(id) })),
    },
    {
      name: REQUIREMENTS.name ?? '',
      version: tool.version,
      shortDescription: { text: 'Clauses of the MCP specification, OWASP and RFCs that the rules enforce' },
      isComprehensive: false,
      taxa: taxa.requirements.map(requirementTaxon),
    },
  ]
}

interface Taxa {
  /** Numbers, as MITRE's own taxonomy has them. */
  readonly cwe: readonly string[]
  readonly requirements: readonly RequirementId[]
}

function taxaOf(rules: readonly RuleEntry[]): Taxa {
  return {
    cwe: [...new Set(rules.flatMap(({ rule }) => rule.cwe.map(cweNumber)))],
    requirements: [...new Set(rules.flatMap(({ rule }) => rule.requirements))],
  }
}

function ruleDescriptor(rule: Rule, taxa: Taxa, page: string | undefined): ReportingDescriptor {
  const advice = `${rule.why} ${rule.todo}`
  const helpUri = helpUriOf(rule)
  return {
    id: rule.id,
    name: pascalCase(rule.id),
    shortDescription: { text: rule.title },
    fullDescription: { text: advice },
    help: { text: advice, markdown: page ?? `${rule.why}\n\n**What to do.** ${rule.todo}` },
    ...(helpUri !== undefined && { helpUri }),
    defaultConfiguration: { level: LEVEL[rule.severity] },
    relationships: relationshipsOf(rule, taxa),
    properties: {
      'security-severity': SECURITY_SEVERITY[rule.severity],
      'problem.severity': LEVEL[rule.severity] === 'note' ? 'recommendation' : LEVEL[rule.severity],
      tags: ['security', 'mcp', ...rule.cwe.map((cwe) => `external/cwe/${cwe.toLowerCase()}`), ...rule.eras],
      impact: rule.impact,
    },
  }
}

/** The clause that the rule enforces first; the CWE page where it cites none. */
function helpUriOf(rule: Rule): string | undefined {
  const [first] = rule.requirements
  const [cwe] = rule.cwe
  return first !== undefined ? requirements[first].link : cwe && cweLink(cweNumber(cwe))
}

function relationshipsOf(rule: Rule, taxa: Taxa): NonNullable<ReportingDescriptor['relationships']> {
  const weaknesses = rule.cwe.map(cweNumber).map((id) => ({
    target: { id, index: taxa.cwe.indexOf(id), toolComponent: CWE },
    kinds: ['superset'],
  }))
  const clauses = rule.requirements.map((id) => ({
    target: { id, index: taxa.requirements.indexOf(id), toolComponent: REQUIREMENTS },
    kinds: ['relevant'],
  }))
  return [...weaknesses, ...clauses]
}

function requirementTaxon(id: RequirementId): ReportingDescriptor {
  const { keyword, source, text, link } = requirements[id]
  return {
    id,
    shortDescription: { text: keyword === 'none' ? source : `${source} (${keyword})` },
    fullDescription: { text },
    helpUri: link,
  }
}

function cweNumber(cwe: Rule['cwe'][number]): string {
  return cwe.slice('CWE-'.length)
}

function cweLink(id: string): string {
  return `https://cwe.mitre.org/data/definitions/${id}.html`
}

function pascalCase(id: string): string {
  return id
    .split('-')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('')
}
