// SPDX-License-Identifier: Apache-2.0
import { allOptions, optionsOf, QUESTIONS, writtenOptions } from '../settings/options.ts';
import type { Setting } from '../settings/table.ts';
import { type Operands, VERB_NAMES, VERBS } from '../settings/verbs.ts';

/** For bash ≥ 4, with or without the package bash-completion. */
export function bashCompletion(): string {
  const every = allOptions();
  const withValue = every.filter(({ placeholder }) => placeholder !== undefined);
  const questions = writtenOptions({ option: 'help', short: QUESTIONS.help });
  return `# bash completion of joules. Made by: joules completion bash
_joules() {
  local cur=\${COMP_WORDS[COMP_CWORD]} last= verb= operand= i word
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    # Readline breaks --option=value at the sign.
    [[ $word == = ]] && continue
    if [[ -n $last ]]; then
      last=
      continue
    fi
    case $word in
      ${patterns(withValue)}) last=$word ;;
      --) [[ -n $verb ]] && operand=$((i + 1)) && break ;;
      -*) ;;
      *)
        if [[ -n $verb ]]; then
          operand=$i
          break
        fi
        verb=$word
        ;;
    esac
  done
  [[ $cur == = ]] && cur=
  if [[ -n $last ]]; then
    case $last in
${withValue.map((one) => `      ${patterns([one])}) ${valuesOf(one)} ;;`).join('\n')}
    esac
    return
  fi
  if [[ $cur == -* && -z $operand ]]; then
    case $verb in
${VERB_NAMES.map(
  (verb) =>
    `      ${verb}) _joules_words '${optionsOf(verb)
      .flatMap(([, one]) => writtenOptions(one))
      .join(' ')} ${questions.join(' ')}' ;;`,
).join('\n')}
      *) _joules_words '${every.flatMap(writtenOptions).join(' ')} ${questions.join(' ')} --version' ;;
    esac
    return
  fi
  case $verb in
    '' | help) _joules_words '${VERB_NAMES.join(' ')} help' ;;
${VERB_NAMES.flatMap((verb) => operandsOf(verb, VERBS[verb].operands)).join('\n')}
  esac
}

_joules_words() {
  mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}

# A command and its own arguments, by what completes them where that is known.
_joules_command() {
  if [[ -z $operand ]]; then
    mapfile -t COMPREPLY < <(compgen -c -- "$cur")
  elif declare -F _comp_command_offset > /dev/null; then
    _comp_command_offset "$operand"
  elif declare -F _command_offset > /dev/null; then
    _command_offset "$operand"
  else
    compopt -o default
  fi
}

complete -F _joules joules
`;
}

function patterns(settings: readonly Setting<unknown>[]): string {
  return settings.flatMap(writtenOptions).join(' | ');
}

/** A command of bash that offers the values of an option. */
function valuesOf({ placeholder, kind, offers }: Setting<unknown>): string {
  const words = kind.words ?? offers;
  if (words) return `_joules_words '${words.join(' ')}'`;
  if (placeholder === 'DIR') return 'compopt -o dirnames';
  return placeholder === 'FILE' ? 'compopt -o default' : ':';
}

function operandsOf(verb: string, operands: Operands | undefined): string[] {
  if (!operands) return [];
  if (operands.takes === 'command') return [`    ${verb}) _joules_command ;;`];
  if (operands.takes === 'file') return [`    ${verb}) compopt -o default ;;`];
  return [`    ${verb}) [[ -z $operand ]] && _joules_words '${operands.takes.join(' ')}' ;;`];
}
