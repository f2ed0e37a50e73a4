import { type CommandWords, topicsOf } from './words.ts'

/** A script for bash 3.2 and later, which needs nothing but bash. */
export function bashCompletion(commands: readonly CommandWords[]): string {
  const topics = topicsOf(commands)
  const first = new Set(commands.map(({ name }) => name.split(' ')[0] ?? ''))
  const seconds = [...topics].map(([topic, below]) => [
    topic,
    below.map(({ name }) => name.slice(topic.length + 1)),
  ])
  return `# Completion of pgr for bash: put it into ~/.local/share/bash-completion/completions/pgr, or
#   source <(pgr completion bash)

_pgr_commands() {
  case "$1" in
    '') echo ${quote([...first].join(' '))} ;;
${seconds.map(([topic, words]) => `    ${topic}) echo ${quote((words as string[]).join(' '))} ;;\n`).join('')}  esac
}

_pgr_flags() {
  case "$1" in
${commands.map(({ name, flags }) => `    ${quote(name)}) echo ${quote(flags.map(({ long }) => long).join(' '))} ;;\n`).join('')}  esac
}

# What may stand behind a command besides flags; names of files come by themselves.
_pgr_rest() {
  case "$1" in
${commands.map(restCase).join('')}  esac
}

# What may follow a flag: words, or the name of a file; nothing for what is up to whoever types it.
_pgr_values() {
  case "$1 $2" in
${commands.map(valueCases).join('')}  esac
}

# Flags that nothing follows.
_pgr_stands_alone() {
  case "$1 $2" in
${commands.map(aloneCase).join('')}    *) return 1 ;;
  esac
}

_pgr() {
  local current="\${COMP_WORDS[COMP_CWORD]}" before="" command="" words="" at
  COMPREPLY=()
  if (( COMP_CWORD > 1 )) && [[ "\${COMP_WORDS[1]}" == -* ]]; then
    command=serve
  elif (( COMP_CWORD > 1 )); then
    command="\${COMP_WORDS[1]}"
    if [[ -n "$(_pgr_commands "$command")" ]]; then
      if (( COMP_CWORD == 2 )); then
        COMPREPLY=( $(compgen -W "$(_pgr_commands "$command")" -- "$current") )
        return
      fi
      command="$command \${COMP_WORDS[2]}"
    fi
  fi
  # Behind -- stands what belongs to another command.
  for (( at = 1; at < COMP_CWORD; at++ )); do
    [[ "\${COMP_WORDS[at]}" == -- ]] && return
  done
  # bash takes the = in --flag=value for a word.
  if [[ "$current" == = ]]; then
    before="\${COMP_WORDS[COMP_CWORD-1]}" current=""
  elif (( COMP_CWORD > 2 )) && [[ "\${COMP_WORDS[COMP_CWORD-1]}" == = ]]; then
    before="\${COMP_WORDS[COMP_CWORD-2]}"
  elif (( COMP_CWORD > 1 )); then
    before="\${COMP_WORDS[COMP_CWORD-1]}"
  fi
  if [[ "$before" == -* ]] && ! _pgr_stands_alone "$command" "$before"; then
    words="$(_pgr_values "$command" "$before")"
    if [[ "$words" == FILE ]]; then
      COMPREPLY=( $(compgen -f -- "$current") )
    elif [[ -n "$words" ]]; then
      COMPREPLY=( $(compgen -W "$words" -- "$current") )
    fi
    return
  fi
  if [[ "$current" == -* ]]; then
    COMPREPLY=( $(compgen -W "$(_pgr_flags "\${command:-serve}")" -- "$current") )
  elif [[ -z "$command" ]]; then
    COMPREPLY=( $(compgen -W "$(_pgr_commands '')" -- "$current") )
  else
    COMPREPLY=( $(compgen -W "$(_pgr_rest "$command")" -- "$current") )
  fi
}

complete -o default -F _pgr pgr
`
}

function restCase({ name, rest }: CommandWords): string {
  return rest === 'file' || rest.length === 0 ? '' : `    ${quote(name)}) echo ${quote(rest.join(' '))} ;;\n`
}

function valueCases({ name, flags }: CommandWords): string {
  return flags
    .map(({ long, short, value }) => {
      if (value === 'none' || value === 'any') return ''
      const words = value === 'file' ? 'FILE' : value.join(' ')
      return `    ${patterns(name, long, short)}) echo ${quote(words)} ;;\n`
    })
    .join('')
}

function aloneCase({ name, flags }: CommandWords): string {
  const alone = flags.filter(({ value }) => value === 'none')
  return `    ${alone.map(({ long, short }) => patterns(name, long, short)).join('|')}) return 0 ;;\n`
}

function patterns(command: string, long: string, short: string | undefined): string {
  return [long, short]
    .filter((flag) => flag !== undefined)
    .map((flag) => quote(`${command} ${flag}`))
    .join('|')
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
