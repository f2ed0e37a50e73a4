import { useEffect, useId, useRef, useState } from 'preact/hooks'
import type { Failure } from '../api/ask.ts'

interface ConfirmProps {
  readonly title: string
  /** On the button that does it. */
  readonly verb: string
  /** Has to be typed first. */
  readonly typed?: string
  readonly children: preact.ComponentChildren
  /** Does it; says why it was not done, and the dialog stays open. */
  act(): Promise<Failure | undefined>
  /** After it was done, or was not to be done. */
  onClose(done: boolean): void
}

/** Asks before something that cannot be undone. */
export function ConfirmDialog({ title, verb, typed, children, act, onClose }: ConfirmProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const id = useId()
  const [text, setText] = useState('')
  const [failure, setFailure] = useState<Failure>()
  const [isBusy, setBusy] = useState(false)
  const mayAct = !isBusy && (typed === undefined || text.trim() === typed)
  useEffect(() => {
    dialog.current?.showModal()
  }, [])

  async function submit(event: Event): Promise<void> {
    event.preventDefault()
    if (!mayAct) return
    setBusy(true)
    const failed = await act()
    setBusy(false)
    setFailure(failed)
    if (failed !== undefined) return
    dialog.current?.close()
    onClose(true)
  }

  const cancel = (): void => {
    dialog.current?.close()
    onClose(false)
  }

  return (
    <dialog ref={dialog} aria-labelledby={id} onCancel={() => onClose(false)}>
      <form method="dialog" onSubmit={(event) => void submit(event)}>
        <h2 id={id}>{title}</h2>
        {children}
        {typed !== undefined && (
          <label class="field">
            Type <kbd>{typed}</kbd> to confirm
            <input
              value={text}
              autocomplete="off"
              autocapitalize="off"
              spellcheck={false}
              onInput={(event) => setText(event.currentTarget.value)}
            />
          </label>
        )}
        <p class="bad" role="alert">
          {failure !== undefined && `It was not done: ${failure.message}`}
        </p>
        <div class="buttons">
          <button type="button" onClick={cancel}>
            Cancel
          </button>
          <button type="submit" class="danger" disabled={!mayAct}>
            {verb}
          </button>
        </div>
      </form>
    </dialog>
  )
}
