// SPDX-License-Identifier: Apache-2.0

/** A URL as it may be shown: without what may be secret in it, user, password, query and fragment. */
export function withoutSecrets(url: string): string {
  if (!/^[a-z][\w+.-]*:\/\//i.test(url) || !URL.canParse(url)) return withoutParts(url);
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}

/** Also of what is no URL: all before the last `@` but a scheme, and all after a `?` or `#`. */
function withoutParts(text: string): string {
  const at = text.lastIndexOf('@');
  const host = text.indexOf('//') + 2;
  const open = at < 0 ? text : `${host > 1 && host <= at ? text.slice(0, host) : ''}…${text.slice(at)}`;
  const query = open.search(/[?#]/);
  return query < 0 ? open : `${open.slice(0, query)}?…`;
}
