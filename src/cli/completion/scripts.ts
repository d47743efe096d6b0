/** The scripts of `tether completion`. They ask `tether __complete` at each Tab, so they never become out of date. */
import { completionEntry, type Shell } from '../command-table.js'

export function completionScript(shell: Shell): string {
  return scripts[shell]
}

/** Works with bash 3.2 and without bash-completion. Words are passed as typed: nothing in them is evaluated. */
const bash = `# bash completion for tether
_tether_complete() {
  local current="$2" paths="" line IFS=$' \\t\\n'
  COMPREPLY=()
  while IFS= read -r line; do
    if [ -z "$paths" ]; then
      paths="$line"
    else
      COMPREPLY+=("$line")
    fi
  done < <(command tether ${completionEntry} bash "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null </dev/null)
  # bash quotes and extends paths itself, but only if all words are paths.
  [ \${#COMPREPLY[@]} -eq 0 ] || return 0
  case "$paths" in
    folders) compopt -o filenames -o plusdirs 2>/dev/null || IFS=$'\\n' COMPREPLY=($(compgen -d -- "$current")) ;;
    files) compopt -o filenames -o default 2>/dev/null || IFS=$'\\n' COMPREPLY=($(compgen -f -- "$current")) ;;
  esac
}
complete -F _tether_complete tether
`

const zsh = `#compdef tether
_tether() {
  local -a lines words_ about_
  local line paths typed="\${(Q)PREFIX}"
  lines=("\${(@f)$(command tether ${completionEntry} zsh "\${(@Q)words[2,CURRENT-1]}" "$typed" 2>/dev/null </dev/null)}")
  paths="\${lines[1]}"
  for line in "\${(@)lines[2,-1]}"; do
    words_+=("\${line%%$'\\t'*}")
    about_+=("\${line%%$'\\t'*}\${\${line#*$'\\t'}:+  -- \${line#*$'\\t'}}")
  done
  [[ "$typed" == --*=* ]] && compset -P 1 '*='
  (( $#words_ )) && compadd -l -d about_ -a words_
  case "$paths" in
    folders) _files -/ ;;
    files) _files ;;
  esac
}
if ! (( $+functions[compdef] )); then
  autoload -Uz compinit && compinit
fi
compdef _tether tether
`

const fish = `# fish completion for tether
function __tether_complete
  set -l done (commandline -opc)
  set -l current (commandline -ct | string unescape)
  test (count $current) -gt 0; or set current ''
  set -l lines (command tether ${completionEntry} fish $done[2..-1] $current 2>/dev/null </dev/null)
  for line in $lines[2..-1]
    echo $line
  end
  set -l before (string match -r '^--[a-z-]+=' -- $current)
  set -l path (string replace -r '^--[a-z-]+=' '' -- $current)
  switch "$lines[1]"
    case folders
      __fish_complete_directories "$path" | string replace -r '^' -- "$before"
    case files
      __fish_complete_path "$path" | string replace -r '^' -- "$before"
  end
end
complete -c tether -f -a '(__tether_complete)'
`

const scripts: Record<Shell, string> = { bash, zsh, fish }
