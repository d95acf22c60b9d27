// Texts as Go prints them: runtimes and their tests compare error messages of CNI plugins.

/** `%q` of a string. */
export function goQuote(text: string): string {
  return JSON.stringify(text)
}

/** `%q` of a slice of strings: `["a" "b"]`. */
export function goQuoteList(texts: readonly string[]): string {
  return `[${texts.map(goQuote).join(' ')}]`
}
