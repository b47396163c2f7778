/** A server with nothing to find, one rule undecided. */
import { reportOf, type Sample } from './build.ts'

export const cleanServer: Sample = {
  sources: new Map(),
  report: reportOf({
    root: '.',
    score: 100,
    grade: 'A',
    files: { analysed: 1, skipped: 0 },
    open: {
      'missing-session-expiry': [
        'The session store is passed in by the caller of `createApp`; whether its records expire is decided there.',
      ],
    },
    notApplicable: { 'session-fixation': ['Nobody logs in: every request carries its own bearer token.'] },
  }),
}
