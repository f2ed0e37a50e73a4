import { signal } from '@preact/signals'

export const VIEWS = ['overview', 'groups', 'cardinality', 'settings'] as const
export type View = (typeof VIEWS)[number]

/** Where the page is, as the hash of its address says: `#/groups/<id>?search=backup`. */
export interface Place {
  readonly view: View
  /** Of the group that is open. */
  readonly id: string | undefined
  readonly query: URLSearchParams
}

export const place = signal(readPlace(location.hash))

/** Whether somebody went somewhere; what is shown first is not arrived at, and takes no focus. */
let moved = false
export const hasMoved = (): boolean => moved

addEventListener('hashchange', () => {
  moved = true
  place.value = readPlace(location.hash)
})

/** An address for a link. Parameters that are empty are left out. */
export function href(view: View, params: Readonly<Record<string, string>> = {}, id?: string): string {
  const query = new URLSearchParams(Object.entries(params).filter(([, value]) => value !== ''))
  const path = view === 'overview' ? '' : id === undefined ? view : `${view}/${encodeURIComponent(id)}`
  return `#/${path}${query.size === 0 ? '' : `?${query}`}`
}

/**
 * Changes parameters of where the page is; empty ones go. A change that is `slight`, such as another letter of a search,
 * is no step to go back to.
 */
export function amend(params: Readonly<Record<string, string>>, { slight = false } = {}): void {
  const { view, id, query } = place.value
  const next = href(view, { ...Object.fromEntries(query), ...params }, id)
  if (next === href(view, Object.fromEntries(query), id)) return
  if (!slight) {
    location.hash = next
    return
  }
  history.replaceState(history.state, '', next)
  place.value = readPlace(next)
}

function readPlace(hash: string): Place {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split(/\?(.*)/s)
  const [name = '', id = ''] = path.split('/')
  const view = VIEWS.find((each) => each === name) ?? 'overview'
  return { view, id: id === '' ? undefined : decode(id), query: new URLSearchParams(query) }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
