// SPDX-License-Identifier: Apache-2.0

/** Gives an object a property that is made when it is asked for first, and then stays: to others it looks like any. */
export function lazily<Of extends object, Name extends string, Value>(
  object: Of,
  name: Name,
  make: () => Value,
): Of & { readonly [Key in Name]: Value } {
  let made: { readonly value: Value } | undefined;
  Object.defineProperty(object, name, {
    enumerable: true,
    configurable: true,
    get: () => (made ??= { value: make() }).value,
  });
  return object as Of & { readonly [Key in Name]: Value };
}

/** `{ ...base, ...more }`, which asks for no lazy property. */
export function extended<Base extends object, More extends object>(base: Base, more: More): Base & More {
  const descriptors = {
    ...Object.getOwnPropertyDescriptors(base),
    ...Object.getOwnPropertyDescriptors(more),
  };
  return Object.defineProperties({}, descriptors) as Base & More;
}
