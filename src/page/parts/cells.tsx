import { useId } from 'preact/hooks'

/** A section of a page with a heading. */
export function Card(props: {
  readonly title: string
  readonly class?: string
  /** Beside the heading. */
  readonly aside?: preact.ComponentChildren
  readonly children: preact.ComponentChildren
}) {
  const id = useId()
  return (
    <section class={`card ${props.class ?? ''}`} aria-labelledby={id}>
      <div class="card-head">
        <h2 id={id}>{props.title}</h2>
        {props.aside}
      </div>
      {props.children}
    </section>
  )
}

/** A table that scrolls sideways when it does not fit, also by keyboard. */
export function Scroller({
  label,
  isLow = false,
  children,
}: {
  readonly label: string
  /** Scrolls downwards, too, when it is long. */
  readonly isLow?: boolean
  readonly children: preact.ComponentChildren
}) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex lint/a11y/useSemanticElements: what scrolls has to be reached by keyboard, and is no set of fields.
    <div class={`scroller ${isLow ? 'low' : ''}`} role="group" tabIndex={0} aria-label={label}>
      {children}
    </div>
  )
}

/** A share as a bar behind a number; the number says the same. */
export function Bar({ share }: { readonly share: number }) {
  return (
    <span class="bar" aria-hidden="true">
      <span style={{ width: `${Math.min(100, 100 * share)}%` }} />
    </span>
  )
}
