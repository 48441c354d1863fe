// SPDX-License-Identifier: Apache-2.0
import { ClosingStack, openAll } from '../../src/util/closing-stack.ts';

describe('what was opened together', () => {
  const closed: string[] = [];
  beforeEach(() => closed.splice(0));
  const resource = (name: string): { close(): Promise<void> } => ({
    close: async () => {
      await new Promise(setImmediate);
      closed.push(name);
    },
  });

  it('is closed in reverse, one after the other and once', async () => {
    const opened = new ClosingStack();
    opened.use(resource('a'));
    opened.use(resource('b'));
    await Promise.all([opened.close(), opened.close()]);
    expect(closed).toEqual(['b', 'a']);
  });

  it('is closed to the last even if some of it fails, which is told', async () => {
    const opened = new ClosingStack();
    opened.use(resource('a'));
    const fail = (why: string) => (): void => {
      throw new Error(why);
    };
    opened.use({ close: fail('second') });
    opened.use({ close: fail('first') });
    await expect(opened.close()).rejects.toThrow('first');
    expect(closed).toEqual(['a']);
  });

  it('stays open where all could be opened', async () => {
    expect(await openAll(async (opened) => opened.use(resource('a')))).toHaveProperty('close');
    expect(closed).toEqual([]);
  });

  it('is closed where something could not be opened, which is what is told', async () => {
    const opening = openAll(async (opened) => {
      opened.use(resource('a'));
      opened.use({
        close: () => {
          throw new Error('not closed');
        },
      });
      throw new Error('not opened');
    });
    await expect(opening).rejects.toThrow('not opened');
    expect(closed).toEqual(['a']);
  });
});
