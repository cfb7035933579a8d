import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unknownVariables } from '../../../config/unknown-variables.ts';

test('a variable that looks like one of selvage is told, with the one that it may have been', () => {
  assert.deepEqual(
    unknownVariables({
      SELVAGE_ETCD_ENDPOINT: 'http://user:secret@x',
      SELVAGE_IFACE: 'eth0',
      SELVAGE_: '',
      FLANNELD_NONSENSE: '1',
      PATH: '/bin',
    }),
    [
      "SELVAGE_ETCD_ENDPOINT is no variable of selvage's and has no effect: did you mean SELVAGE_ETCD_ENDPOINTS?",
      "SELVAGE_ is no variable of selvage's and has no effect: docs/flags.md and selvage(8) list them.",
    ],
  );
});
