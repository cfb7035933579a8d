import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { formatStateFile } from '../../../../drivers/state-file/document.ts';
import { FileSource } from '../../../../drivers/state-file/source.ts';
import { temporaryFolder } from '../files/fixture.ts';

it('a look at the file leaves nothing on the signal that could have ended it', async (t) => {
  const path = join(temporaryFolder(t), 'state.json');
  const source = new FileSource(path, '/coreos.com/network');
  t.after(() => source.close());
  const { signal } = new AbortController();
  await assert.rejects(source.snapshot(signal), /can't be read/);
  writeFileSync(path, formatStateFile('{"Network":"10.5.0.0/16"}', new Map()));
  for (let n = 0; n < 3; n++) await source.snapshot(signal);
  assert.deepEqual(getEventListeners(signal, 'abort'), []);
});
