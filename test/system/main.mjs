/** Owns `npm run test:system`: makes the root of the system test if there is none yet, then runs that test as `npm test` does. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { named } from '../../packaging/debian.mjs';
import { needRoot, root, SetupError, script } from '../../packaging/script.mjs';
import { setup } from '../../packaging/setup.mjs';
import { makeSystemRoot } from './root.mjs';

await script(async () => {
  needRoot('npm run test:system');
  const missing = await setup(['system']);
  if (missing.length > 0) throw new SetupError(`npm run test:system can't do without ${named(missing)}: see above.`);
  await makeSystemRoot();
  const run = [join(root, 'test/run.mjs'), 'system/'];
  return spawnSync(process.execPath, run, { cwd: root, stdio: 'inherit' }).status ?? 1;
});
