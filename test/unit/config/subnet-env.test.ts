import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatSubnetEnv, parseSubnetEnv } from '../../../config/subnet-env.ts';

test('written to the byte', () => {
  assert.equal(
    formatSubnetEnv({ network: '10.5.0.0/16', subnet: '10.5.34.0/24', mtu: 1450, ipMasq: false }),
    'FLANNEL_NETWORK=10.5.0.0/16\nFLANNEL_SUBNET=10.5.34.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=false\n',
  );
  assert.equal(
    formatSubnetEnv({
      network: '10.5.0.0/16',
      subnet: '10.5.34.0/24',
      ipv6Network: '2001:cafe:42::/56',
      ipv6Subnet: '2001:cafe:42::/64',
      mtu: 1450,
      ipMasq: true,
    }),
    'FLANNEL_NETWORK=10.5.0.0/16\nFLANNEL_SUBNET=10.5.34.1/24\nFLANNEL_IPV6_NETWORK=2001:cafe:42::/56\nFLANNEL_IPV6_SUBNET=2001:cafe:42::1/64\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n',
  );
  assert.equal(
    formatSubnetEnv({ ipv6Network: 'fc00::/48', ipv6Subnet: 'fc00:0:0:1::/64', mtu: 1430, ipMasq: false }),
    'FLANNEL_IPV6_NETWORK=fc00::/48\nFLANNEL_IPV6_SUBNET=fc00:0:0:1::1/64\nFLANNEL_MTU=1430\nFLANNEL_IPMASQ=false\n',
  );
});

test('read back, masked', () => {
  const text = formatSubnetEnv({ network: '10.5.0.0/16', subnet: '10.5.34.0/24', mtu: 1450, ipMasq: true });
  assert.deepEqual(parseSubnetEnv(text), { network: '10.5.0.0/16', subnet: '10.5.34.0/24', mtu: 1450, ipMasq: true });
});

test('read as godotenv reads it', () => {
  const cases = [
    'FLANNEL_SUBNET=10.5.34.1/24',
    'FLANNEL_SUBNET="10.5.34.1/24"',
    "FLANNEL_SUBNET='10.5.34.1/24'",
    'export FLANNEL_SUBNET=10.5.34.1/24',
    '  export   FLANNEL_SUBNET = 10.5.34.1/24  \r\n',
    'FLANNEL_SUBNET: 10.5.34.1/24',
    'FLANNEL_SUBNET=10.5.34.1/24 # ours',
    'FLANNEL_SUBNET="10.5.34.1/24" # ours',
    '# FLANNEL_SUBNET=10.9.0.1/24\n\nFLANNEL_SUBNET=10.5.34.1/24\n',
    'FLANNEL_SUBNET=10.9.0.1/24\nFLANNEL_SUBNET=10.5.34.1/24',
    'FLANNEL_SUBNET=nonsense,10.5.34.1/24',
    'this is no assignment\nFLANNEL_SUBNET=10.5.34.1/24',
  ];
  for (const text of cases) assert.deepEqual(parseSubnetEnv(text), { subnet: '10.5.34.0/24' }, JSON.stringify(text));
});

test('what says nothing usable is left out', () => {
  for (const text of [
    '',
    '\0\0\0',
    'FLANNEL_SUBNET=',
    'FLANNEL_SUBNET=10.5.34.1',
    'FLANNEL_SUBNET=10.5.34.1/24,10.5.35.1/24',
    'FLANNEL_SUBNET=nonsense,',
    'FLANNEL_SUBNET="10.5.34.1/24',
    '#FLANNEL_SUBNET=10.5.34.1/24',
    'FLANNEL_MTU=big\nFLANNEL_IPMASQ=yes',
    'FLANNEL_MTU=0',
    'FLANNEL_IPV6_SUBNET=10.5.34.1/24',
    'MY_FLANNEL_SUBNET=10.5.34.1/24',
  ]) {
    assert.deepEqual(parseSubnetEnv(text), {}, JSON.stringify(text));
  }
});

test('IPv6 is masked too', () => {
  assert.deepEqual(parseSubnetEnv('FLANNEL_IPV6_NETWORK=FC00::/48\nFLANNEL_IPV6_SUBNET=fc00:0:0:1::1/64'), {
    ipv6Network: 'fc00::/48',
    ipv6Subnet: 'fc00:0:0:1::/64',
  });
});
