// SPDX-License-Identifier: Apache-2.0

/** The URL without what may be secret: user, password and query. */
export function displayed(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}
