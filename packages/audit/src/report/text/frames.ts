/** Which steps of a trace share a code frame. */
import { type Finding, isPlace, type Step } from '../../finding/finding.ts'
import { primaryIndex } from '../primary.ts'

/** A step and what it is within its trace. */
export interface Mark {
  /** 1-based. */
  readonly order: number
  /** The finding stands here. */
  readonly primary: boolean
  readonly step: Step
}

/** A file's region and the steps in it, in the trace's order. */
export interface Frame {
  readonly path: string
  readonly marks: readonly Mark[]
}

/** A step this near to a line of an earlier frame joins it, lest the same lines are shown twice. */
const NEAR_LINES = 3

/** The frames of a finding in the order in which its trace first reaches them. */
export function framesOf(finding: Finding): readonly Frame[] {
  const primary = primaryIndex(finding)
  const frames: { path: string; marks: Mark[] }[] = []
  finding.trace.forEach((step, index) => {
    if (!isPlace(step)) return
    const mark = { order: index + 1, primary: index === primary, step }
    const home = frames.findLast((frame, at) => takes(frame, step, at === frames.length - 1))
    if (home) home.marks.push(mark)
    else frames.push({ path: step.location.path, marks: [mark] })
  })
  return frames
}

/** Lines to show: those marked, one of context around each, and single lines that would be left between. */
export function linesToShow(frame: Frame): readonly number[] {
  const near = new Set(frame.marks.flatMap(({ step }) => around(step.location.startLine)))
  const between = [...near].filter((line) => near.has(line + 2)).map((line) => line + 1)
  return [...new Set([...near, ...between])].toSorted((one, other) => one - other)
}

function takes(frame: Frame, step: Step, last: boolean): boolean {
  if (frame.path !== step.location.path) return false
  const line = step.location.startLine
  return last || frame.marks.some((mark) => Math.abs(mark.step.location.startLine - line) <= NEAR_LINES)
}

function around(line: number): readonly number[] {
  return [line - 1, line, line + 1].filter((number) => number >= 1)
}
