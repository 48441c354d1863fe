// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const made: string[] = [];

/** An empty directory, which is removed with all that is in it when the tests of the file are over. */
export function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'joules-test-'));
  made.push(path);
  return path;
}

afterAll(() => made.splice(0).forEach((path) => rmSync(path, { recursive: true, force: true })));
