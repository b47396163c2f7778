/** Where the audited folder lies for those who read the report elsewhere: on GitHub, on GitLab, in an editor. */
import { realpathSync } from 'node:fs'
import { relative, resolve, sep } from 'node:path'
import type { Location, Report } from '@sallyport/audit'
import { folderOf } from './audited.ts'
import type { Console } from './console.ts'

/** The audited folder below the checkout of a pipeline, or below the folder that the command runs in; '' where it is not below. */
export function prefixOf({ subject }: Report, { env }: Console): string {
  if (subject.kind !== 'source') return ''
  const base = env['GITHUB_WORKSPACE'] || env['CI_PROJECT_DIR'] || '.'
  const path = relative(real(base), real(folderOf(subject.root)))
  const isBelow = path !== '..' && !path.startsWith(`..${sep}`) && resolve(path) !== path
  return isBelow ? path.replaceAll(sep, '/') : ''
}

/** Addresses of places where a pipeline of GitHub or GitLab names repository and commit. */
export function linksFor(report: Report, console: Console): { link?: (location: Location) => string } {
  const blob = blobAddress(console.env)
  if (blob === undefined) return {}
  const prefix = prefixOf(report, console)
  return {
    link: ({ path, startLine }) =>
      `${blob}/${(prefix === '' ? path : `${prefix}/${path}`).split('/').map(encodeURIComponent).join('/')}#L${startLine}`,
  }
}

function blobAddress(env: Console['env']): string | undefined {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository, GITHUB_SHA: sha } = env
  if (server && repository && sha) return `${server}/${repository}/blob/${sha}`
  const { CI_PROJECT_URL: project, CI_COMMIT_SHA: commit } = env
  return project && commit ? `${project}/-/blob/${commit}` : undefined
}

function real(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return resolve(path)
  }
}
