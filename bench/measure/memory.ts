// What the resident holds: with many attachments, and over many ADD and DEL.
import type { Candidate } from '../candidate.js'
import { type Memory, memoryOf, residentOf } from '../resident.js'

export interface MemoryFigures {
  readonly withMany: Memory | undefined
  /** After each tenth of the ADD/DEL pairs. */
  readonly over: readonly Memory[]
  readonly pairs: number
  /** Last minus first of `over`, in MiB of RSS. */
  readonly growthMiB: number
}

/** Memory of the resident now; undefined when there is none. */
export function residentMemory(candidate: Candidate): Memory | undefined {
  const pid = residentOf(candidate.runDir)
  return pid === undefined ? undefined : memoryOf(pid)
}

export async function measureMemory(
  candidate: Candidate,
  withMany: Memory | undefined,
  pairs: number,
): Promise<MemoryFigures> {
  const over: Memory[] = []
  const perStep = 10
  await candidate.prepare(perStep)
  const resident = residentOf(candidate.runDir)
  for (let tenth = 0; tenth < 10; tenth++) {
    for (let done = 0; done < pairs / 10; done += perStep) {
      await candidate.run('ADD', 0, perStep)
      await candidate.run('DEL', 0, perStep)
    }
    if (residentOf(candidate.runDir) !== resident)
      throw new Error('the resident was replaced while it was measured')
    if (resident !== undefined) over.push(memoryOf(resident))
  }
  return {
    withMany,
    over,
    pairs,
    growthMiB: (over.at(-1)?.rssMiB ?? Number.NaN) - (over[0]?.rssMiB ?? Number.NaN),
  }
}
