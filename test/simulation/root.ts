// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The directory of the project, from its sources as from what is compiled of them. */
export const ROOT: string = rootFrom(__dirname);

function rootFrom(directory: string): string {
  return existsSync(join(directory, 'package.json')) ? directory : rootFrom(dirname(directory));
}
