import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatLeaseAttrs, formatLeaseAttrsV2, parseLeaseAttrs } from '../../../config/lease.ts';
import { ACCEPTED, REFUSED, WRITTEN, WRITTEN_V2 } from '../../golden/lease-values.ts';

describe('golden lease values', () => {
  for (const { value, publicIP } of ACCEPTED)
    test(`accepted: ${value}`, () => assert.equal(parseLeaseAttrs(value).publicIP, publicIP));

  for (const { value, selvageSays } of REFUSED)
    test(`refused: ${value}`, () =>
      assert.throws(() => parseLeaseAttrs(value), { name: 'ConfigError', field: 'PublicIP', message: selvageSays }));

  for (const text of WRITTEN) {
    test(`written to the byte: ${text}`, () => assert.equal(formatLeaseAttrs(parseLeaseAttrs(text)), text));
  }
  for (const text of WRITTEN_V2) {
    test(`written to the byte for v2: ${text}`, () => assert.equal(formatLeaseAttrsV2(parseLeaseAttrs(text)), text));
  }
});

test('all fields are read', () => {
  assert.deepEqual(
    parseLeaseAttrs(
      '{"publicip":"1.2.3.4","PublicIPv6":"2001:DB8::0:3","BackendType":"vxlan","BackendData":{"a":[1]},"BackendV6Data":null}',
    ),
    {
      publicIP: '1.2.3.4',
      publicIPv6: '2001:db8::3',
      backendType: 'vxlan',
      backendData: { a: [1] },
      backendV6Data: null,
    },
  );
  assert.deepEqual(parseLeaseAttrs('{}'), { publicIP: '0.0.0.0', publicIPv6: null, backendType: '' });
  assert.equal(parseLeaseAttrs('{"PublicIP":"::ffff:1.2.3.4"}').publicIP, '1.2.3.4');
  assert.equal(parseLeaseAttrs('{"BackendType":"vxlan","BackendType":null}').backendType, 'vxlan');
});

test('what flannel would skip is refused', () => {
  const cases: [string, string][] = [
    ['{"PublicIP":"1.2.3.4","PublicIPv6":""}', 'PublicIPv6'],
    ['{"PublicIP":"1.2.3.4","PublicIPv6":1}', 'PublicIPv6'],
    ['{"PublicIP":"1.2.3.4","BackendType":1}', 'BackendType'],
    ['{"PublicIP":"01.2.3.4"}', 'PublicIP'],
    ['{"PublicIP":1.2}', 'PublicIP'],
    ['{"PublicIP":"1.2.3.4","PublicIP":""}', 'PublicIP'],
    ['', ''],
    ['[]', ''],
    ['"1.2.3.4"', ''],
    ['{"PublicIP":"1.2.3.4"', ''],
    ['\ufffd', ''],
  ];
  for (const [text, field] of cases) assert.throws(() => parseLeaseAttrs(text), { name: 'ConfigError', field }, text);
});

test('both families, in order and to the byte', () => {
  const text =
    '{"PublicIP":"0.0.0.0","PublicIPv6":"2001:db8::3","BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"},"BackendV6Data":{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:45"}}';
  assert.equal(formatLeaseAttrs(parseLeaseAttrs(text)), text);
});

test('v0.11 has no IPv6, and no VNI in vxlan data', () => {
  const attrs = parseLeaseAttrs(WRITTEN[1]!);
  assert.equal(
    formatLeaseAttrsV2({ ...attrs, publicIPv6: '2001:db8::3', backendV6Data: { VtepMAC: 'x' } }),
    '{"PublicIP":"192.168.64.3","BackendType":"vxlan","BackendData":{"VtepMAC":"c6:d2:32:6f:8f:44"}}',
  );
  assert.equal(
    formatLeaseAttrsV2({ publicIP: '1.2.3.4', publicIPv6: null, backendType: 'other', backendData: { VNI: 7 } }),
    '{"PublicIP":"1.2.3.4","BackendType":"other","BackendData":{"VNI":7}}',
  );
});

test('text is escaped as Go escapes it', () => {
  assert.equal(
    formatLeaseAttrs({ publicIP: '1.2.3.4', publicIPv6: null, backendType: 'extension', backendData: '<a&b>\u2028' }),
    '{"PublicIP":"1.2.3.4","PublicIPv6":null,"BackendType":"extension","BackendData":"\\u003ca\\u0026b\\u003e\\u2028"}',
  );
});
