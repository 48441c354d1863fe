// SPDX-License-Identifier: Apache-2.0
import { shortText } from '../settings/help.ts';
import { allOptions, optionsOf, writtenOptions } from '../settings/options.ts';
import type { Setting } from '../settings/table.ts';
import { type Operands, VERB_NAMES, VERBS } from '../settings/verbs.ts';

/** For zsh ≥ 5, as a function of its completion system. */
export function zshCompletion(): string {
  const verbs = VERB_NAMES.map((verb) => `    ${quoted(`${verb}:${VERBS[verb].summary}`)}`);
  return `#compdef joules
# zsh completion of joules. Made by: joules completion zsh
_joules() {
  local context state state_descr line
  typeset -A opt_args
  local -a verbs=(
${verbs.join('\n')}
    'help:help on a verb'
  )
  # Options may stand before the verb.
  _arguments -s -S -C \\
${specs(allOptions())}
    '(- : *)'{-V,--version}'[print the version]' \\
    '(-)1: :->verb' '(-)*:: :->rest'
  case $state in
    verb) _describe verb verbs ;;
    rest)
      case $words[1] in
        help) _describe verb verbs ;;
${VERB_NAMES.map((verb) => verbCase(verb)).join('\n')}
      esac
      ;;
  esac
}

if [[ $funcstack[1] == _joules ]]; then
  _joules "$@"
else
  compdef _joules joules
fi
`;
}

function verbCase(verb: (typeof VERB_NAMES)[number]): string {
  const settings = optionsOf(verb).map(([, setting]) => setting);
  return `        ${verb})
          _arguments -s -S \\
${specs(settings)}
            ${operandsOf(VERBS[verb].operands)}
          ;;`;
}

/** One line of `_arguments` per option. */
function specs(settings: readonly Setting<unknown>[]): string {
  const lines = settings.map((setting) => {
    const written = writtenOptions(setting);
    const repeat = setting.repeatable ? "'*'" : quoted(`(${written.join(' ')})`);
    const names = written.length > 1 ? `{${written.join(',')}}` : written[0]!;
    return `${repeat}${names}${quoted(`[${escaped(shortText(setting))}]${valuesOf(setting)}`)}`;
  });
  return [...lines, "'(- : *)'{-h,--help}'[help]'"].map((line) => `            ${line} \\`).join('\n');
}

function valuesOf({ placeholder, kind, offers }: Setting<unknown>): string {
  if (placeholder === undefined) return '';
  const words = (kind.words ?? offers)?.map(escaped).join(' ');
  const files: Readonly<Record<string, string>> = { FILE: '_files', DIR: '_files -/' };
  return `:${placeholder}:${words === undefined ? (files[placeholder] ?? '') : `(${words})`}`;
}

function operandsOf(operands: Operands | undefined): string {
  if (!operands) return "'*: :'";
  if (operands.takes === 'command') return "'(-)1: :_command_names -e' '*:: :_normal'";
  return operands.takes === 'file' ? "'*:file:_files'" : `'1: :(${operands.takes.join(' ')})'`;
}

/** Signs that mean something within a specification. */
function escaped(text: string): string {
  return text.replaceAll(/[\\[\]:]/g, '\\$&');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
