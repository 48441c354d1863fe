// SPDX-License-Identifier: Apache-2.0

/** Lines of so many characters at most, broken between words; a word alone may be longer. */
export function wrapped(text: string, width: number): string[] {
  const found = [''];
  for (const word of text.split(' ')) {
    const longer = `${found.at(-1)} ${word}`.trimStart();
    if (longer.length <= width) found.splice(-1, 1, longer);
    else if (found.at(-1) === '') found.splice(-1, 1, word);
    else found.push(word);
  }
  return found;
}
