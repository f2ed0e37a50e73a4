/** Commands of a page of the documentation, for tests that run them. */
export interface Block {
  readonly line: number
  /** Words behind the language of the fence, which say how to run it. */
  readonly kinds: readonly string[]
  readonly command: string
  /** Pieces of output, in order. */
  readonly shows: readonly string[]
}

/** Every block of commands, with the block of output that follows it, if any. */
export function readBlocks(page: string): Block[] {
  const fences = [...page.matchAll(/^```(\w+) ?(.*)\n([\s\S]*?)\n```$/gm)]
  return fences.flatMap((fence, index) => {
    const [, language, kinds = '', command = ''] = fence
    if (language !== 'sh') return []
    const next = fences[index + 1]
    return {
      line: page.slice(0, fence.index).split('\n').length,
      kinds: kinds.split(' '),
      command,
      shows: next?.[1] === 'text' ? (next[3] ?? '').split('\n') : [],
    }
  })
}

/** Whether an output has all pieces, one after the other. */
export function isShown(output: string, pieces: readonly string[]): boolean {
  let at = 0
  for (const piece of pieces) {
    at = output.indexOf(piece, at)
    if (at === -1) return false
    at += piece.length
  }
  return true
}
