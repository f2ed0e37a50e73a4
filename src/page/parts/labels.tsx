import type { Labels } from '../api/types.ts'

/** Labels as badges: the job first, the others as they come. */
export function LabelBadges({ labels }: { readonly labels: Labels }) {
  const { job, ...others } = labels
  const entries = Object.entries(others)
  if (job === undefined && entries.length === 0) return <span class="muted">no labels</span>
  return (
    <span class="labels">
      {job !== undefined && <Badge name="job" value={job} isJob />}
      {entries.map(([name, value]) => (
        <Badge key={name} name={name} value={value} />
      ))}
    </span>
  )
}

function Badge({ name, value, isJob = false }: { name: string; value: string; isJob?: boolean }) {
  return (
    <span class={isJob ? 'label job' : 'label'}>
      <span class="label-name">{name}=</span>
      {value === '' ? <span class="muted">""</span> : value}
    </span>
  )
}
