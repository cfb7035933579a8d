import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type DaemonJson, editDaemonJson, readDaemonJson } from '../../../../reconciler/docker/daemon-json.ts';

describe('an edit, as a person would make it', () => {
  const values = { bip: '10.5.34.1/24', mtu: 1450 };
  const cases: [what: string, text: string | undefined, edited: string][] = [
    ['no file', undefined, '{\n  "bip": "10.5.34.1/24",\n  "mtu": 1450\n}\n'],
    ['an empty file', '', '{\n  "bip": "10.5.34.1/24",\n  "mtu": 1450\n}\n'],
    ['an empty object', '{}', '{\n  "bip": "10.5.34.1/24",\n  "mtu": 1450\n}'],
    [
      'four spaces, a line end',
      '{\n    "dns": ["1.1.1.1"]\n}\n',
      '{\n    "dns": ["1.1.1.1"],\n    "bip": "10.5.34.1/24",\n    "mtu": 1450\n}\n',
    ],
    ['tabs, no line end', '{\n\t"debug": true\n}', '{\n\t"debug": true,\n\t"bip": "10.5.34.1/24",\n\t"mtu": 1450\n}'],
    ['one line', '{"debug":true, "mtu":1500}', '{"debug":true, "mtu":1450, "bip":"10.5.34.1/24"}'],
    [
      'CRLF',
      '{\r\n  "debug": true\r\n}\r\n',
      '{\r\n  "debug": true,\r\n  "bip": "10.5.34.1/24",\r\n  "mtu": 1450\r\n}\r\n',
    ],
    [
      'in place, order kept',
      '{\n  "mtu" : 1500,\n  "a": 1,\n  "bip": "1.2.3.4/24"\n}\n',
      '{\n  "mtu" : 1450,\n  "a": 1,\n  "bip": "10.5.34.1/24"\n}\n',
    ],
    [
      'of two the last counts',
      '{"bip": "a", "b": 1, "bip": "c", "mtu": 1450}',
      '{"b": 1, "bip": "10.5.34.1/24", "mtu": 1450}',
    ],
    ['a byte order mark', '\ufeff{"mtu":1}', '\ufeff{"mtu":1450,"bip":"10.5.34.1/24"}'],
  ];
  for (const [what, text, edited] of cases) test(what, () => assert.equal(editDaemonJson(text, values), edited));

  test('taken out, with its comma', () => {
    const out = { bip: undefined, mtu: undefined };
    assert.equal(editDaemonJson('{\n  "bip": "a",\n  "debug": true\n}\n', out), '{\n  "debug": true\n}\n');
    assert.equal(editDaemonJson('{\n  "debug": true,\n  "bip": "a"\n}\n', out), '{\n  "debug": true\n}\n');
    assert.equal(
      editDaemonJson('{\n  "a": 1,\n  "mtu": 2,\n  "bip": "a",\n  "b": 3\n}', out),
      '{\n  "a": 1,\n  "b": 3\n}',
    );
    assert.equal(editDaemonJson('{\n  "bip": "a"\n}\n', out), '{}\n');
  });

  test('nothing to do, nothing touched', () => {
    const text = '{ "mtu":1450 ,\n"bip":  "10.5.34.1/24"}';
    assert.equal(editDaemonJson(text, values), text);
    assert.equal(editDaemonJson(undefined, { bip: undefined }), undefined);
    assert.equal(editDaemonJson('\n', { bip: undefined }), '\n');
  });
});

describe('reading', () => {
  test('what counts', () => {
    const text =
      '{"bip":"a","mtu":1450,"ip-masq":false,"fixed-cidr":"10.5.34.0/25","iptables":false,"allow-direct-routing":true,"default-address-pools":[{"base":"10.5.0.0/16","size":24},{"size":1},7]}';
    assert.deepEqual(readDaemonJson(text), {
      values: { bip: 'a', mtu: 1450, 'ip-masq': false },
      iptables: false,
      directRouting: true,
      fixedCidr: '10.5.34.0/25',
      pools: ['10.5.0.0/16'],
    } satisfies DaemonJson);
    for (const none of [undefined, '', ' \n', '{}']) {
      assert.deepEqual(readDaemonJson(none), {
        values: {},
        iptables: true,
        directRouting: undefined,
        fixedCidr: undefined,
        pools: [],
      });
    }
  });

  test('why it can’t be read, without a word of its text', () => {
    for (const text of [
      '{"secret": "hunter2",}',
      '[1]',
      '"hunter2"',
      'null',
      '{"a":1} // hunter2',
      '{"a": hunter2}',
      '{"a": "\ufffd"}',
      '{',
    ]) {
      const why = readDaemonJson(text);
      assert.ok(typeof why === 'string' && why.length > 5 && !why.includes('hunter2'), `${text}: ${why}`);
    }
  });
});
