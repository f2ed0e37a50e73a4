import { addressOf } from './commands.ts'
import { CopyButton } from './copy-button.tsx'
import { shellWord } from './format.ts'

/** How to push, for who has stored nothing yet. */
export function PushHelp() {
  const command = `echo 'backup_size_bytes 4096' | curl --fail-with-body --data-binary @- ${shellWord(addressOf('metrics/job/backup'))}`
  return (
    <section class="card help">
      <div class="card-head">
        <h2>Nothing is stored yet</h2>
      </div>
      <p>Push a metric, and it appears here without a reload:</p>
      <div class="command">
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard. */}
        <pre tabIndex={0}>
          <code>{command}</code>
        </pre>
        <CopyButton text={command} what="the push command">
          Copy
        </CopyButton>
      </div>
      <p class="muted">
        <code>POST</code> replaces metrics of the same name, <code>PUT</code> the whole group,{' '}
        <code>DELETE</code> removes it. The header <code>X-Pgr-TTL: 15m</code> says how long a push is kept.
      </p>
    </section>
  )
}
