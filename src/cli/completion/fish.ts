import { type CommandWords, type FlagWords, topicsOf } from './words.ts'

/** A script for fish 3. */
export function fishCompletion(commands: readonly CommandWords[]): string {
  const topics = topicsOf(commands)
  const alone = commands.filter(({ name }) => !name.includes(' '))
  const lines = [
    ...alone.map(({ name, summary }) => candidate('', name, summary)),
    ...[...topics].flatMap(([topic, below]) => [
      candidate('', topic, `${topic} …`),
      ...below.map(({ name, summary }) => candidate(topic, name.slice(topic.length + 1), summary)),
    ]),
    ...commands.map(flagLines),
  ]
  return `# Completion of pgr for fish: put it into ~/.config/fish/completions/pgr.fish, or
#   pgr completion fish | source

# The words of the command so far.
function __pgr_command
  set -l words (commandline -opc)
  set -e words[1]
  if test (count $words) -eq 0
    return
  end
  if string match -q -- '-*' $words[1]
    echo serve
  else if contains -- $words[1] ${[...topics.keys()].join(' ')}; and test (count $words) -gt 1
    echo "$words[1] $words[2]"
  else
    echo $words[1]
  end
end

function __pgr_is
  set -l command (__pgr_command)
  test "$command" = "$argv[1]"
end

complete -c pgr -f
${lines.join('')}`
}

function candidate(command: string, word: string, summary: string): string {
  return `complete -c pgr -f -n ${quote(`__pgr_is ${quote(command)}`)} -a ${word} -d ${quote(summary)}\n`
}

function flagLines({ name, flags, rest }: CommandWords): string {
  const when = `-n ${quote(`__pgr_is ${quote(name)}`)}`
  const behind = rest === 'file' ? '-F' : `-f -a ${quote(rest.join(' '))}`
  return (
    (rest.length === 0 ? '' : `complete -c pgr ${when} ${behind}\n`) +
    flags.map((flag) => `complete -c pgr ${when} ${flagWords(flag)}\n`).join('')
  )
}

function flagWords({ long, short, summary, value }: FlagWords): string {
  const names = `-l ${long.slice(2)}${short === undefined ? '' : ` -s ${short.slice(1)}`}`
  return `${names}${takes(value)} -d ${quote(summary)}`
}

function takes(value: FlagWords['value']): string {
  if (value === 'none') return ''
  if (value === 'file') return ' -r -F'
  return value === 'any' ? ' -x' : ` -x -a ${quote(value.join(' '))}`
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
