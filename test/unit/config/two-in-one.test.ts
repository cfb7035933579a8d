import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasDockerOptions, withDockerOptions, withoutDockerOptions } from '../../../config/two-in-one.ts';

const ENV = 'FLANNEL_NETWORK=10.5.0.0/16\nFLANNEL_SUBNET=10.5.7.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n';
/** As mk-docker-opts.sh left it for another subnet, when Docker was to masquerade. */
const BOTH = `DOCKER_OPT_BIP="--bip=10.5.1.1/24"
DOCKER_OPT_IPMASQ="--ip-masq=true"
DOCKER_OPT_MTU="--mtu=1472"
DOCKER_NETWORK_OPTIONS="-H x  --bip=10.5.1.1/24 --ip-masq=true --mtu=1472"
`;
const FOLLOWED = `DOCKER_OPT_BIP="--bip=10.5.7.1/24"
DOCKER_OPT_IPMASQ="--ip-masq=false"
DOCKER_OPT_MTU="--mtu=1450"
DOCKER_NETWORK_OPTIONS="-H x  --bip=10.5.7.1/24 --ip-masq=false --mtu=1450"
`;

test('a plain subnet.env stays to the byte what it is', () => {
  for (const text of ['', ENV, ENV.replace('10.5.7.1', '10.5.9.1'), 'something else\n', 'A="b --c=d"\n'])
    assert.equal(withDockerOptions(ENV, text), ENV);
});

test("Docker's lines stay, whichever of the two wrote last, and follow the lease", () => {
  assert.equal(withDockerOptions(ENV, BOTH), ENV + FOLLOWED);
  assert.equal(withDockerOptions(ENV, ENV + FOLLOWED), ENV + FOLLOWED);
  assert.equal(withDockerOptions(ENV, `${ENV.replace('10.5.7', '10.5.9')}${BOTH}`), ENV + FOLLOWED);
});

test('half of it, while the script writes, is kept as it is', () => {
  const lines = FOLLOWED.trimEnd().split('\n');
  for (let count = 1; count <= lines.length; count++) {
    const half = `${lines.slice(0, count).join('\n')}\n`;
    assert.equal(withDockerOptions(ENV, half), ENV + half);
    assert.ok(hasDockerOptions(half));
  }
});

test('a line of each name, the last one', () => {
  assert.equal(withDockerOptions(ENV, BOTH + BOTH), ENV + FOLLOWED);
});

test("without them it is the rest's text", () => {
  assert.equal(withoutDockerOptions(ENV + BOTH), ENV);
  assert.equal(hasDockerOptions(ENV), false);
});
