// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { joules, JOULES } from '../support/joules.ts';
import { describeWithProgram } from '../support/programs.ts';
import { temporaryDirectory } from '../support/temporary.ts';

let directory: string;
beforeAll(() => {
  directory = temporaryDirectory();
  symlinkSync(JOULES, join(directory, 'joules'));
});

/** Where the script for a shell is. */
function scriptOf(shell: string): string {
  const { status, stdout, stderr } = joules(['completion', shell]);
  expect([status, stderr]).toEqual([0, '']);
  const path = join(directory, `joules.${shell}`);
  writeFileSync(path, stdout);
  return path;
}

function run(shell: string, args: readonly string[]): string {
  const env = { ...process.env, PATH: [directory, process.env['PATH']].join(delimiter) };
  const { stdout } = spawnSync(shell, args, { encoding: 'utf8', env, timeout: 60_000 });
  return stdout;
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

/** What a shell offers for the last word of each line; `files` where it falls back on its own files. */
const OFFERS: Readonly<Record<string, (lines: readonly string[]) => string[][]>> = {
  bash: (lines) => {
    const script = scriptOf('bash');
    return lines.map((line) => {
      // Readline breaks words at "=" as well.
      const words = line
        .replace('=', ' = ')
        .split(/ +/)
        .map((word) => `'${word}'`);
      const call = `compopt() { COMPREPLY=(files); }; COMP_WORDS=(${words.join(' ')}); COMP_CWORD=${words.length - 1}; _joules; printf '%s\\n' "\${COMPREPLY[@]}"`;
      return linesOf(run('bash', ['--norc', '-c', `source ${script}; ${call}`]));
    });
  },
  zsh: (lines) => {
    const path = join(directory, 'driver.zsh');
    writeFileSync(path, ZSH_DRIVER);
    const text = run('zsh', ['-f', path, scriptOf('zsh'), ...lines]);
    // Of one word alone nothing is listed, and it is put in the line.
    return text
      .split('\0')
      .slice(0, lines.length)
      .map((one) => linesOf(one));
  },
  fish: (lines) => {
    const script = scriptOf('fish');
    const text = run('fish', [
      '-N',
      '-c',
      `source ${script}; for line in $argv; complete -C $line; echo; end`,
      ...lines,
    ]);
    return text
      .split('\n\n')
      .slice(0, lines.length)
      .map((one) => linesOf(one).map((word) => word.split('\t')[0]!));
  },
};

/** Zsh completes in a terminal alone. What matches is printed instead of listed. */
const ZSH_DRIVER = String.raw`
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z "PS1= PS2=; stty -echo; autoload -Uz compinit; compinit -u -D; source $1"
zpty -w z 'compadd() {
  if [[ $@[(I)-(O|A|D)] -gt 0 ]]; then builtin compadd "$@"; return $?; fi
  local -a hits; builtin compadd -O hits "$@"
  (( $#hits )) && print -rl -- "<hit>"$^hits"</hit>"
}
offer() { zle list-choices; print -r -- "<o""ffered>"; }; zle -N offer; bindkey "^T" offer; print -r -- "<re""ady>"'
zpty -r -m z text '*<ready>*'
shift
for line in "$@"; do
  zpty -w -n z "$line"$'\x14'
  zpty -r -m z text '*<offered>*'
  print -r -- "$text" | grep -o '<hit>[^<]*' | sed 's/<hit>//'
  printf '\0'
  zpty -w -n z $'\x15'
done
zpty -d z
`;

for (const shell of ['bash', 'zsh', 'fish']) {
  describeWithProgram(shell, `completion for ${shell}`, () => {
    it('offers verbs, their options, and the values of these', () => {
      const [verbs, verb, options, values, before, inside] = OFFERS[shell]!([
        'joules ',
        'joules st',
        'joules top --',
        'joules top -b ',
        'joules -b top s',
        'joules completion ',
      ]);
      expect(verbs).toEqual(expect.arrayContaining(['agent', 'top', 'stat', 'doctor', 'help']));
      expect(verb).toEqual(['stat']);
      expect(options).toEqual(expect.arrayContaining(['--source', '--by', '--help']));
      expect(options).not.toContain('--config');
      expect(values!.toSorted()).toEqual(['cgroup', 'container', 'core', 'process']);
      expect(before).toEqual(['stat']);
      expect(inside!.toSorted()).toEqual(['bash', 'fish', 'zsh']);
    });

    it('offers commands to measure, and files where one is taken', () => {
      const [commands, files] = OFFERS[shell]!(['joules stat -s power jou', 'joules agent -c /etc/passw']);
      expect(commands).toContain('joules');
      expect(files!.join()).toMatch(/^files$|passwd/);
    });
  });
}

describe('completion for bash', () => {
  it('knows a value behind "=", and nothing of the options of what is measured', () => {
    expect(OFFERS['bash']!(['joules top --by=c', 'joules stat ls --so'])).toEqual([
      ['cgroup', 'container', 'core'],
      ['files'],
    ]);
  });
});

describe('joules completion', () => {
  it('names the shells that there are', () => {
    expect(joules(['completion'])).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/bash\|zsh\|fish/),
    });
    expect(joules(['completion', 'bsh']).stderr).toMatch(/not "bsh": did you mean bash\?$/m);
  });
});
