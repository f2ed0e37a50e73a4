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
  children,
}: {
  readonly label: string
  readonly children: preact.ComponentChildren
}) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard.
    <section class="scroller" tabIndex={0} aria-label={label}>
      {children}
    </section>
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
