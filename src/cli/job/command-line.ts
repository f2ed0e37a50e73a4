/** A command line of `pgr push`, cut where the command to run begins. */
export interface CutCommandLine {
  /** What is for `pgr push` itself. */
  readonly own: readonly string[]
  /** The words behind the first `--`, as they were typed; undefined when there is none. */
  readonly command?: readonly string[]
}

/**
 * Cuts at the first `--`, before anything reads flags: a parser of flags gives words that occur twice back in another
 * order.
 */
export function cutCommandLine(words: readonly string[]): CutCommandLine {
  const at = words.indexOf('--')
  return at === -1 ? { own: words } : { own: words.slice(0, at), command: words.slice(at + 1) }
}

/** The words as one would type them to a shell. */
export function showCommand(words: readonly string[]): string {
  return words.map(quote).join(' ')
}

function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}
