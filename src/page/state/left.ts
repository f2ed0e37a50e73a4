/** Where the list of groups was left for one of them. */
interface Left {
  readonly hash: string
  readonly top: number
  /** Of the link that was followed. */
  readonly linkId: string
}

let left: Left | undefined

/** Remembers where the list is, so that going back leads there. */
export function leaveList(linkId: string): void {
  left = { hash: location.hash, top: scrollY, linkId }
}

/** Where the list was left, if that is where the page is now. Asked once: whoever goes elsewhere does not come back. */
export function comeBack(): Left | undefined {
  const was = left
  left = undefined
  return was?.hash === location.hash ? was : undefined
}

/** To the list as it was left, or to its beginning. */
export function returnToList(): void {
  if (left === undefined) location.hash = '#/groups'
  else history.back()
}
