import { useEffect, useRef, useState } from 'preact/hooks'

/** Typing is over when nothing came for this long. */
const QUIET_MS = 200

interface SearchProps {
  readonly label: string
  readonly placeholder: string
  readonly value: string
  onSearch(text: string): void
}

/** A field that asks once typing pauses, and follows when the value is changed elsewhere. */
export function SearchField({ label, placeholder, value, onSearch }: SearchProps) {
  const [text, setText] = useState(value)
  const told = useRef(value)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  useEffect(() => {
    if (value !== told.current) setText(value)
    told.current = value
  }, [value])
  useEffect(() => () => clearTimeout(timer.current), [])

  const type = (typed: string): void => {
    setText(typed)
    clearTimeout(timer.current)
    timer.current = setTimeout(() => {
      told.current = typed.trim()
      onSearch(told.current)
    }, QUIET_MS)
  }
  return (
    <label class="field grow">
      {label}
      <input
        type="search"
        placeholder={placeholder}
        value={text}
        autocomplete="off"
        spellcheck={false}
        onInput={(event) => type(event.currentTarget.value)}
      />
    </label>
  )
}
