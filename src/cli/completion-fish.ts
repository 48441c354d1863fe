// SPDX-License-Identifier: Apache-2.0
import { allOptions, optionsOf, writtenOptions } from '../settings/options.ts';
import type { Setting } from '../settings/table.ts';
import { type Operands, type Verb, VERB_NAMES, VERBS } from '../settings/verbs.ts';
import { shortText } from '../settings/help.ts';

/** For fish ≥ 3.4. */
export function fishCompletion(): string {
  const verbs = VERB_NAMES.map((verb) =>
    completeLine(NO_VERB, `-a ${verb}`, `-d ${quoted(VERBS[verb].summary)}`),
  );
  return `${[
    '# fish completion of joules. Made by: joules completion fish',
    functions(),
    'complete -c joules -f',
    ...verbs,
    completeLine(NO_VERB, '-a help', "-d 'help on a verb'"),
    completeLine(seen(['help']), `-a ${quoted(VERB_NAMES.join(' '))}`),
    'complete -c joules -s h -l help -d help',
    completeLine(NO_VERB, '-s V -l version', "-d 'print the version'"),
    ...allOptions().map(optionLine),
    ...VERB_NAMES.flatMap((verb) => operandsLine(verb, VERBS[verb].operands)),
  ].join('\n')}\n`;
}

/** The verb on the line so far, or `none`; and whether it is one of these. */
const functions = (): string => `function __joules_verb
    set -l isValue 0
    for word in (commandline -opc)[2..]
        if test $isValue = 1
            set isValue 0
        else if contains -- $word ${optionsWithValue()}
            set isValue 1
        else if contains -- $word ${VERB_NAMES.join(' ')} help
            echo $word
            return
        end
    end
    echo none
end
function __joules_is
    contains -- (__joules_verb) $argv
end`;

function optionsWithValue(): string {
  const settings = allOptions().filter(({ placeholder }) => placeholder !== undefined);
  return settings.flatMap(writtenOptions).join(' ');
}

function seen(verbs: readonly string[]): string {
  return `__joules_is ${verbs.join(' ')}`;
}

const NO_VERB = seen(['none']);

function completeLine(condition: string, ...parts: readonly string[]): string {
  return `complete -c joules -n ${quoted(condition)} ${parts.join(' ')}`;
}

/** Before a verb all options are offered, and behind one those that it has. */
function optionLine(setting: Setting<unknown>): string {
  const { option, short } = setting;
  const verbs = VERB_NAMES.filter((verb) => optionsOf(verb).some(([, one]) => one.option === option));
  return completeLine(
    seen(['none', ...verbs]),
    `${short ? `-s ${short} ` : ''}-l ${option}`,
    ...valuesOf(setting),
    `-d ${quoted(shortText(setting))}`,
  );
}

function valuesOf({ placeholder, kind, offers }: Setting<unknown>): string[] {
  const words = kind.words ?? offers;
  if (placeholder === undefined) return [];
  if (words) return [`-x -a ${quoted(words.join(' '))}`];
  if (placeholder === 'DIR') return ["-x -a '(__fish_complete_directories)'"];
  return [placeholder === 'FILE' ? '-r -F' : '-x'];
}

function operandsLine(verb: Verb, operands: Operands | undefined): string[] {
  if (!operands) return [];
  if (operands.takes === 'command')
    return [
      completeLine(seen([verb]), `-a '(__fish_complete_subcommand --fcs-skip=2 ${optionsWithValue()})'`),
    ];
  if (operands.takes === 'file') return [completeLine(seen([verb]), '-F')];
  return [completeLine(seen([verb]), `-a ${quoted(operands.takes.join(' '))}`)];
}

/** In single quotes fish knows but two escapes. */
function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
