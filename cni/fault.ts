// Faults on demand: the tests' way to stop a plugin before and after every step.
// PLUMBLINE_FAULT=<VERB>:<step>:<before|after>:<kill|fail>, or `list` to have the step names printed.
// Rollback after a failed ADD counts as the verb ROLLBACK.

export type FaultVerb = 'ADD' | 'DEL' | 'CHECK' | 'GC' | 'ROLLBACK'

export class FaultError extends Error {}

/** Called by the step engine around each step; does nothing unless the caller's environment asks. */
export function faultPoint(
  env: Readonly<Record<string, string | undefined>>,
  verb: FaultVerb,
  step: string,
  when: 'before' | 'after',
): void {
  const wanted = env.PLUMBLINE_FAULT
  if (wanted === undefined) return
  if (wanted === `${verb}:${step}:${when}:kill`) process.kill(process.pid, 'SIGKILL')
  if (wanted === `${verb}:${step}:${when}:fail`)
    throw new FaultError(`fault injected ${when} ${verb} of step ${step}`)
}
