// SPDX-License-Identifier: Apache-2.0

/** Control characters, what else ends a line (U+2028, U+2029), and changes of direction. */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** Names come from whoever runs programs: none of their characters may steer a terminal. Such become `\u001b`. */
export function printable(text: string): string {
  return replaceUnprintable(
    text,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The same with a replacement of the caller's choice, for formats in which `\u` has no meaning. */
export function replaceUnprintable(text: string, replacement: (character: string) => string): string {
  return text.replace(UNPRINTABLE, replacement);
}
