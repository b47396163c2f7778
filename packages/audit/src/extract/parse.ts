/** The one file that knows the parser. */
import type { Program } from 'oxc-parser'
import type { SourceFile } from '../source/tree.ts'
import type { Gap } from '../finding/finding.ts'

/** A tree, a gap, or both: a damaged file may still have a tree. */
export type Parsed = { readonly program: Program; readonly gap?: Gap } | { readonly program?: undefined; readonly gap: Gap }

/** Parses one file. Never throws and never crashes the process: what cannot be parsed safely is a gap. */
export declare function parse(file: SourceFile): Parsed

export type * from '@oxc-project/types'
