// Why a condition is refused.

/** `message` names the token. */
export class ConditionError extends Error {}

export const quote = (token: string | undefined) => (token === undefined ? 'nothing' : JSON.stringify(token))

/** Both syntaxes have a word for the interface by which a packet leaves. */
export function noWayOut(token: string): ConditionError {
  return new ConditionError(
    `${quote(token)} can not be matched: by which interface a packet leaves is known only after its destination is rewritten`,
  )
}
