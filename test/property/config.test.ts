import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { describeNetworkConfig } from '../../config/check-config.ts';
import { formatDuration, parseDuration } from '../../config/duration.ts';
import { ConfigError, UsageError } from '../../config/errors.ts';
import { envNames, FLAGS } from '../../config/flags.ts';
import { contains, formatCidr, formatIp, lastOf, networkOf, overlaps, parseCidr, parseIp } from '../../config/ipv4.ts';
import { formatIp6, parseIp6 } from '../../config/ipv6.ts';
import { readJson } from '../../config/json-reader.ts';
import { formatLeaseAttrs, parseLeaseAttrs } from '../../config/lease.ts';
import { leaseKey, parseLeaseKey } from '../../config/lease-key.ts';
import { parseNetworkConfig } from '../../config/network.ts';
import { type Options, parseOptions } from '../../config/options.ts';
import { formatSubnetEnv, parseSubnetEnv } from '../../config/subnet-env.ts';

const ip = fc.integer({ min: 0, max: 0xffffffff });
/** Plain objects: deepEqual tells them from those without a prototype. */
const plain = { noNullPrototype: true };
const cidr = fc.record({ ip, length: fc.integer({ min: 0, max: 32 }) }, plain);
const ip6 = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }), groups());

/** Addresses with many zero groups: the ones where "::" has a choice. */
function groups(): fc.Arbitrary<bigint> {
  const group = fc.oneof({ weight: 3, arbitrary: fc.constant(0n) }, fc.bigInt({ min: 0n, max: 0xffffn }));
  return fc.array(group, { minLength: 8, maxLength: 8 }).map((all) => all.reduce((sum, one) => (sum << 16n) | one, 0n));
}

test('IPv4 addresses and ranges survive a round trip', () => {
  fc.assert(fc.property(ip, (n) => assert.equal(parseIp(formatIp(n)), n)));
  fc.assert(fc.property(cidr, (c) => assert.deepEqual(parseCidr(formatCidr(c)), c)));
});

test('what parses as an IPv4 address is written back as it was', () => {
  const nearly = fc.array(fc.constantFrom('.', '0', '1', '25', '255', '256', '01', ' ', '-'), { maxLength: 8 });
  fc.assert(
    fc.property(nearly, (parts) => {
      const text = parts.join('');
      const n = parseIp(text);
      if (n !== undefined) assert.equal(formatIp(n), text);
    }),
  );
});

test('contains and overlaps agree with the ends of the ranges', () => {
  // Lengths from few values, so that ranges meet.
  const near = fc.record({
    ip: fc.integer({ min: 0x0a050000, max: 0x0a0500ff }),
    length: fc.integer({ min: 20, max: 32 }),
  });
  fc.assert(
    fc.property(near, near, (a, b) => {
      const [a1, a2] = [networkOf(a.ip, a.length), lastOf(a.ip, a.length)];
      const [b1, b2] = [networkOf(b.ip, b.length), lastOf(b.ip, b.length)];
      assert.equal(contains(a, b), a1 <= b1 && b2 <= a2);
      assert.equal(overlaps(a, b), a1 <= b2 && b1 <= a2);
      assert.equal(contains(formatCidr(a), formatIp(b.ip)), a1 <= b.ip && b.ip <= a2);
    }),
  );
});

test('IPv6 addresses survive a round trip, and agree with the URL parser’s canonical form', () => {
  fc.assert(
    fc.property(ip6, (n) => {
      const text = formatIp6(n);
      assert.equal(parseIp6(text), n);
      assert.equal(parseIp6(text.toUpperCase()), n);
      if (n >> 32n !== 0xffffn) assert.equal(new URL(`http://[${text}]`).hostname, `[${text}]`);
    }),
  );
});

test('the JSON reader accepts what JSON.parse accepts, and keeps the source', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      assert.equal(readJson(text).raw, text.trim());
    }),
  );
  const scraps = fc.array(
    fc.constantFrom('{', '}', '[', ']', ',', ':', '"', '"a"', '1', '-', '.5', 'e1', 'null', ' ', '\\'),
    {
      maxLength: 7,
    },
  );
  fc.assert(
    fc.property(scraps, (parts) => {
      const text = parts.join('');
      assert.equal(
        succeeds(() => readJson(text)),
        succeeds(() => JSON.parse(text)),
        text,
      );
    }),
    { numRuns: 2000 },
  );
});

function succeeds(action: () => unknown): boolean {
  try {
    action();
    return true;
  } catch {
    return false;
  }
}

const subnet = fc
  .record({ ip, length: fc.integer({ min: 1, max: 31 }) })
  .map((c) => formatCidr({ ip: networkOf(c.ip, c.length), length: c.length }));

test('lease values survive a round trip to the byte', () => {
  const data = fc.option(fc.jsonValue(), { nil: undefined });
  const attrs = fc.record({
    publicIP: ip.map(formatIp),
    publicIPv6: fc.option(ip6.map(formatIp6)),
    backendType: fc.oneof(fc.constantFrom('', 'vxlan', 'host-gw'), fc.string()),
    backendData: data,
    backendV6Data: data,
  });
  fc.assert(
    fc.property(attrs, (given) => {
      const text = formatLeaseAttrs(given);
      const read = parseLeaseAttrs(text);
      assert.equal(formatLeaseAttrs(read), text);
      assert.equal(read.publicIP, given.publicIP);
      assert.equal(read.publicIPv6, given.publicIPv6);
      assert.equal(read.backendType, given.backendType);
    }),
  );
});

test('no text whatever makes the readers throw anything but a ConfigError', () => {
  const nearly = fc
    .dictionary(
      fc.constantFrom(
        'Network',
        'network',
        'SubnetLen',
        'SubnetMin',
        'Backend',
        'EnableIPv6',
        'PublicIP',
        'BackendData',
      ),
      fc.oneof(fc.jsonValue(), subnet, ip.map(formatIp)),
    )
    .map((value) => JSON.stringify(value));
  for (const read of [parseNetworkConfig, parseLeaseAttrs]) {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), nearly), (text) => {
        try {
          read(text);
        } catch (error) {
          assert.ok(error instanceof ConfigError, String(error));
          assert.match(error.message, /^[^\n]+\.$/);
        }
      }),
    );
  }
  fc.assert(fc.property(fc.string(), (text) => void parseSubnetEnv(text)));
  fc.assert(fc.property(fc.string(), (text) => void parseLeaseKey(text)));
});

test('lease keys survive a round trip, under any prefix', () => {
  const prefix = fc
    .array(fc.stringMatching(/^[a-z0-9.&-]{1,8}$/), { maxLength: 4 })
    .map((parts) => `/${parts.join('/')}`);
  fc.assert(
    fc.property(prefix, subnet, fc.option(ip6, { nil: undefined }), (under, v4, v6) => {
      const ipv6Subnet = v6 === undefined || v6 >> 32n === 0xffffn ? undefined : `${formatIp6(v6)}/64`;
      assert.deepEqual(parseLeaseKey(leaseKey(under, v4, ipv6Subnet)), {
        subnet: v4,
        ...(ipv6Subnet === undefined ? {} : { ipv6Subnet }),
      });
    }),
  );
});

test('what is derived from a Network lies in it, on the boundary, and survives being written out in full', () => {
  fc.assert(
    fc.property(ip, fc.integer({ min: 1, max: 28 }), (n, length) => {
      const config = parseNetworkConfig(JSON.stringify({ Network: formatCidr({ ip: n, length }) }));
      const { network, subnetMin, subnetMax, subnetLen } = describeNetworkConfig(config);
      for (const first of [subnetMin, subnetMax]) {
        assert.ok(contains(network, `${first}/${subnetLen}`));
        assert.equal(networkOf(parseIp(first)!, subnetLen), parseIp(first));
      }
      const full = { Network: network, SubnetMin: subnetMin, SubnetMax: subnetMax, SubnetLen: subnetLen };
      assert.deepEqual(parseNetworkConfig(JSON.stringify(full)), config);
    }),
  );
});

test('subnet.env survives a round trip', () => {
  const env = fc.record(
    { network: subnet, subnet, mtu: fc.integer({ min: 68, max: 65535 }), ipMasq: fc.boolean() },
    plain,
  );
  fc.assert(fc.property(env, (given) => assert.deepEqual(parseSubnetEnv(formatSubnetEnv(given)), given)));
});

test('durations survive a round trip', () => {
  fc.assert(
    fc.property(fc.integer({ min: -1e12, max: 1e12 }), (ms) => assert.equal(parseDuration(formatDuration(ms)), ms + 0)),
  );
});

/** A flag with a value that passes its check. */
const samples: Record<string, string[]> = {
  'etcd-prefix': ['/a', '/b/c'],
  'subnet-file': ['/run/a.env', 'b.env'],
  'healthz-port': ['1', '65535'],
  'public-ip': ['192.168.64.3', '10.0.0.1'],
  iface: ['eth0', '-odd'],
  'log-level': ['warn', 'error'],
  resync: ['*/5 * * * *', '0 * * * *'],
  'subnet-lease-ttl': ['2h', '48h'],
};
const valued = fc
  .constantFrom(...Object.keys(samples))
  .chain((name) => fc.tuple(fc.constant(name), fc.constantFrom(...samples[name]!)));

test('the four ways to write a flag are one', () => {
  fc.assert(
    fc.property(valued, fc.constantFrom('run', 'drift', 'leases'), ([name, value], command) => {
      const forms = [[`-${name}=${value}`], [`--${name}=${value}`], [`-${name}`, value], [`--${name}`, value]];
      const [first, ...others] = forms.flatMap((form) => [
        parseOptions([...form, command], {}),
        parseOptions([command, ...form], {}),
      ]);
      for (const other of others) assert.deepEqual(other, first);
    }),
  );
});

test('the environment never beats the command line, and says the same where it is alone', () => {
  const without = ({ fromEnv: _, ...rest }: Options) => rest;
  fc.assert(
    fc.property(valued, fc.string({ minLength: 1 }), fc.boolean(), ([name, value], other, ours) => {
      const variable = envNames(FLAGS.find((flag) => flag.name === name)!)[ours ? 0 : 1]!;
      const written = parseOptions([`--${name}=${value}`], {});
      assert.deepEqual(parseOptions([`--${name}=${value}`], { [variable]: other }), written);
      const alone = parseOptions([], { [variable]: value });
      assert.deepEqual(without(alone), without(written));
      assert.deepEqual(alone.fromEnv, [variable]);
    }),
  );
});

test('no command line whatever makes the parser throw anything but a UsageError', () => {
  const word = fc.oneof(
    fc.string(),
    fc.constantFrom(
      'run',
      'drift',
      '--',
      '-',
      '--once',
      '-v',
      '--iface',
      '--help=x',
      '---x',
      '--=',
      '--etcd-endpoints',
    ),
    fc
      .tuple(fc.constantFrom(...FLAGS.map((flag) => flag.name)), fc.string())
      .map(([name, text]) => `--${name}=${text}`),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 5 }), (argv) => {
      try {
        parseOptions(argv, {});
      } catch (error) {
        assert.ok(error instanceof UsageError, String(error));
      }
    }),
    { numRuns: 1000 },
  );
});
