import { ignoredSettings, settingRows } from './options.ts'
import { envName, flagsOf, GROUPS, type Group, type Setting, yamlKey, yamlKeysOf } from './setting.ts'

const INTRODUCTION = `# Configuration

<!-- Written from src/config/options.ts by \`npx vitest run -u --config test/vitest.config.ts test/unit/config\`; do not edit. -->

Every setting can be given in three ways. A flag wins over the environment, the environment over the file, the file
over the default:

    pgr serve --redis.endpoint=redis.example:6379
    PGR_REDIS_ENDPOINT=redis.example:6379 pgr serve
    pgr serve --config.file=pushgw.yml

- **Flags** that switch something on have a \`--no-\` twin that switches it off. Lists are repeated or separated by commas.
- **Environment** names are \`PGR_\` and the flag in capitals, with \`_\` for \`.\` and \`-\`. An empty variable counts as not set.
- **The file** is YAML; a dot in a key below stands for nesting. Unknown keys, keys that stand twice and values of the
  wrong kind are errors with line and column. Relative paths start at the working directory. An example is
  \`examples/pushgw.yml\`; editors check and complete the file with \`docs/configuration.schema.json\`.
- **Secrets** are never shown. Each can be read from a file: \`--redis.password-file\`, \`PGR_REDIS_PASSWORD_FILE\` or
  \`redis.password_file\`; one line end at the end of the file is dropped.

\`pgr check config\`, with the same flags, environment and file, says whether they are in order, what is in effect and
where each value came from.

**Reload.** SIGHUP, or \`PUT\` or \`POST\` to \`/-/reload\` where \`--web.enable-lifecycle\` is on, reads the file, the files of secrets and
those of \`--tls.key\` and \`--tls.cert\` anew. What says yes below takes effect for what begins from then on; what else changed
is named and waits for a restart. When anything is wrong nothing changes, the log says what it is, and
\`pgr_config_last_reload_successful\` is 0.

**Workers.** \`--workers=4\` serves with four processes behind the same ports, \`--workers=auto\` with one for each processor; in a
container with a share of a processor, give the number. They need Redis, because they are replicas of one host and share nothing else.
Each keeps its own view of all that is stored, so that four need four times the memory of one, and Redis is asked by four what
changed. Connections are dealt out to them in turns, past those that are busy, and stay where they are: few connections may leave
some idle. What bounds the whole is shared out: each worker has its part of \`--push.max-inflight-bytes\` (but room for one
\`--push.max-body\`), of \`--redis.resubmit-max-bytes\` and of the rate limit of \`--web.config.file\`, so that one connection alone gets
no more than a worker's part of it. Passwords are checked and remembered by each worker.

Signals go to the process that was started, which holds nothing and looks after the others: SIGTERM drains all, a reload reaches all or
says which failed, and \`/-/ready\` is 200 when all that take connections are ready. A worker that ends, or stands still for 30
seconds and is ended, is replaced by one that takes connections once it has read what is stored, at once or, when it happens again
soon, after a pause of up to 30 seconds; it is counted by \`pgr_worker_losses_total\`. Workers themselves heed SIGKILL alone. In the
list of replicas they are told apart by \`#1\`, \`#2\` behind the address, in the log by \`worker\`.

**Durations** are written as in Prometheus (\`90s\`, \`1h30m\`, \`7d\`) or Go (\`1.5h\`, \`250ms\`). **Sizes** have binary units however
they are spelled: \`64MiB\`, \`64MB\` and \`64M\` are the same. **Counts** may end in \`k\`, \`M\` or \`G\`.
`

/** \`docs/configuration.md\`: the whole table, group by group. */
export function configurationPage(): string {
  return [INTRODUCTION, ...GROUPS.map(groupSection), ignoredSection()].join('\n')
}

function groupSection(group: Group): string {
  const rows = settingRows.filter(([, row]) => row.group === group).map(([, row]) => rowLine(row))
  return `## ${group}\n\n${table(['Flag', 'Environment', 'YAML key', 'Kind', 'Default', 'Reload', 'What it does'], rows)}`
}

function rowLine(row: Setting<unknown>): readonly string[] {
  const flags = flagsOf(row).map((flag) => code(`--${flag}`))
  if (row.short) flags.splice(1, 0, code(`-${row.short}`))
  return [
    flags.join(', '),
    flagsOf(row)
      .map((flag) => code(envName(flag)))
      .join(', '),
    yamlKeysOf(row).map(code).join(', ') || 'none',
    row.kind.name,
    defaultText(row),
    row.reload ? 'yes' : '',
    row.doc,
  ]
}

function defaultText(row: Setting<unknown>): string {
  const shown = row.kind.show(row.fallback)
  return shown === '' ? 'none' : code(shown)
}

function ignoredSection(): string {
  const rows = ignoredSettings.map(({ flag, because }) => [
    code(`--${flag}`),
    code(yamlKey(flag)),
    `${because}.`,
  ])
  return [
    '## Accepted without effect',
    '',
    'Names that other gateways know. They are accepted, so that existing command lines and files keep working, and each',
    'is warned about at start.',
    '',
    table(['Flag', 'YAML key', 'Why nothing happens'], rows),
  ].join('\n')
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return `${[line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')}\n`
}

function code(text: string): string {
  return `\`${text}\``
}
