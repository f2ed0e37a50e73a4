import { announce } from '../state/announce.ts'

interface CopyProps {
  readonly text: string
  /** What a screen reader says of it, and what is said when it was done. */
  readonly what: string
  readonly children: preact.ComponentChildren
}

/** Puts a text on the clipboard. */
export function CopyButton({ text, what, children }: CopyProps) {
  const onClick = (): void => {
    copy(text).then(
      () => announce(`Copied ${what}`),
      () => announce(`The browser does not allow copying ${what}`),
    )
  }
  return (
    <button type="button" class="small" onClick={onClick} aria-label={`Copy ${what}`} title={text}>
      {children}
    </button>
  )
}

async function copy(text: string): Promise<void> {
  // Browsers offer the clipboard over HTTPS and on this machine only.
  if (navigator.clipboard !== undefined) return navigator.clipboard.writeText(text)
  const area = document.createElement('textarea')
  area.value = text
  area.className = 'unseen'
  document.body.append(area)
  area.select()
  const done = document.execCommand('copy')
  area.remove()
  if (!done) throw new Error('not allowed')
}
