import { type CommandWords, type FlagWords, topicsOf } from './words.ts'

/** A script for zsh 5, either in a folder of fpath as _pgr or sourced behind compinit. */
export function zshCompletion(commands: readonly CommandWords[]): string {
  const topics = topicsOf(commands)
  const alone = commands.filter(({ name }) => !name.includes(' '))
  const first = [...topics.keys()].map((topic) => ({ name: topic, summary: `${topic} …` }))
  return `#compdef pgr
# Completion of pgr for zsh: put it into a folder of fpath as _pgr, or, behind compinit,
#   source <(pgr completion zsh)

_pgr() {
  local command
  local -a choices
  if (( CURRENT == 2 )) && [[ "$words[2]" != -* ]]; then
    choices=(
${described([...alone, ...first])}    )
    _describe command choices
    return
  fi
  case "$words[2]" in
    (-*) command=serve ;;
${[...topics].map(topicCase).join('')}    (*) command="$words[2]"; shift words; (( CURRENT-- )) ;;
  esac
  case "$command" in
${commands.map(commandCase).join('')}  esac
}

if [[ "$funcstack[1]" == _pgr ]]; then
  _pgr "$@"
else
  compdef _pgr pgr
fi
`
}

function described(choices: readonly { readonly name: string; readonly summary: string }[]): string {
  return choices.map(({ name, summary }) => `      ${quote(`${name}:${summary}`)}\n`).join('')
}

function topicCase([topic, below]: [string, readonly CommandWords[]]): string {
  const choices = below.map(({ name, summary }) => ({ name: name.slice(topic.length + 1), summary }))
  return `    (${topic})
      if (( CURRENT == 3 )); then
        choices=(
${described(choices)}        )
        _describe command choices
        return
      fi
      command="$words[2] $words[3]"; shift 2 words; (( CURRENT -= 2 )) ;;
`
}

function commandCase({ name, flags, rest: words }: CommandWords): string {
  const rest =
    words === 'file' ? ["'*:file:_files'"] : words.length > 0 ? [quote(`1:what:(${words.join(' ')})`)] : []
  const lines = [...flags.flatMap(flagSpecs), ...rest].map((spec) => `        ${spec}`)
  return `    (${quote(name)})\n      _arguments -S \\\n${lines.join(' \\\n')} ;;\n`
}

function flagSpecs({ long, short, summary, value }: FlagWords): string[] {
  const text = summary.replaceAll(/[\\[\]:]/g, '\\$&')
  const what = value === 'none' ? '' : `:${long.slice(2)}:${actionOf(value)}`
  const named = value === 'none' ? long : `${long}=`
  return [
    quote(`*${named}[${text}]${what}`),
    ...(short === undefined ? [] : [quote(`*${short}[${text}]${what}`)]),
  ]
}

function actionOf(value: FlagWords['value']): string {
  if (value === 'file') return '_files'
  return typeof value === 'string' ? ' ' : `(${value.join(' ')})`
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
