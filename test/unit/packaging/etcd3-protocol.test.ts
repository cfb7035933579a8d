/** The bundle's way of speaking etcd's protocol against the one that etcd3 itself uses, for every message of every method. */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';

interface Method {
  path: string;
  requestStream: boolean;
  responseStream: boolean;
  originalName: string;
  requestSerialize(message: object): Buffer;
  requestDeserialize(bytes: Uint8Array): object;
  responseSerialize(message: object): Buffer;
  responseDeserialize(bytes: Uint8Array): object;
}
type Definition = Record<string, Record<string, Method>>;

const require = createRequire(import.meta.url);
const { packageDefinition } = require('../../../packaging/etcd3-protocol.cjs') as {
  packageDefinition(protocol: unknown): Definition;
};
const { readProtocol } = (await import(new URL('../../../packaging/etcd3-plugin.mjs', import.meta.url).href)) as {
  readProtocol(): unknown;
};
const ofEtcd3 = createRequire(require.resolve('etcd3'));
const theirs = ofEtcd3('@grpc/proto-loader').loadSync(ofEtcd3.resolve('etcd3/proto/rpc.proto'), {
  keepCase: true,
  longs: String,
  enums: String,
  defaults: true,
  oneofs: true,
}) as Definition;
// As in the bundle: through JSON.
const ours = packageDefinition(JSON.parse(JSON.stringify(readProtocol())));

/** Bytes that are every field of every message: 1 to 12, as varint, 64-bit number, bytes or message in turn. */
const samples = [
  Buffer.alloc(0),
  ...Array.from({ length: 12 }, (_, index) => Buffer.from([((index + 1) << 3) | 0, 0x96, 0x01])),
  ...Array.from({ length: 12 }, (_, index) => Buffer.from([((index + 1) << 3) | 2, 4, 0x08, 0x01, 0x10, 0x01])),
];

/** What a codec makes of bytes, or that it doesn't take them. */
function attempt<T>(work: () => T): T | 'refused' {
  try {
    return work();
  } catch {
    return 'refused';
  }
}

describe("etcd's protocol in the bundle", () => {
  it('has the same services and methods', () => {
    const services = Object.keys(theirs).filter((name) => !('format' in theirs[name]!));
    assert.deepEqual(Object.keys(ours), services);
    for (const service of services) {
      assert.deepEqual(Object.keys(ours[service]!), Object.keys(theirs[service]!));
      for (const [name, method] of Object.entries(ours[service]!)) {
        const { path, requestStream, responseStream, originalName } = theirs[service]![name]!;
        const own = {
          path: method.path,
          requestStream: method.requestStream,
          responseStream: method.responseStream,
          originalName: method.originalName,
        };
        assert.deepEqual(own, { path, requestStream, responseStream, originalName });
      }
    }
  });

  for (const [service, methods] of Object.entries(ours)) {
    it(`reads and writes every message of ${service} alike`, () => {
      let read = 0;
      for (const [name, method] of Object.entries(methods)) {
        const other = theirs[service]![name]!;
        for (const side of ['request', 'response'] as const) {
          for (const bytes of samples) {
            const expected = attempt(() => other[`${side}Deserialize`](bytes));
            const message = attempt(() => method[`${side}Deserialize`](bytes));
            assert.deepEqual(message, expected, `${name} ${side} ${bytes.toString('hex')}`);
            if (message === 'refused' || expected === 'refused') continue;
            read++;
            assert.deepEqual(
              method[`${side}Serialize`](message),
              other[`${side}Serialize`](expected),
              `${name} ${side}`,
            );
          }
        }
      }
      assert.ok(read > 20, `${read} messages were read`);
    });
  }

  it('reads records alike: numbers of every length, and what is missing or cut off', () => {
    const numbers = ['0', '1', '127', '128', '562949953421311', '562949953421312', '9007199254740993', '-1'];
    numbers.push('9223372036854775807', '-9223372036854775808');
    const kvs = numbers.map((number) => ({
      key: Buffer.from('k'),
      create_revision: number,
      mod_revision: number,
      version: number,
      value: Buffer.from(number),
      lease: number,
    }));
    const [own, other] = [ours['etcdserverpb.KV']!.Range!, theirs['etcdserverpb.KV']!.Range!];
    const bytes = other.responseSerialize({ kvs: [{}, ...kvs, { key: Buffer.alloc(0) }], more: true, count: '12' });
    const expected = other.responseDeserialize(bytes);
    assert.deepEqual(own.responseDeserialize(bytes), expected);
    assert.deepEqual(own.responseSerialize(expected), other.responseSerialize(expected));
    for (let length = 0; length < bytes.length; length++) {
      const cut = bytes.subarray(0, length);
      assert.deepEqual(
        attempt(() => own.responseDeserialize(cut)),
        attempt(() => other.responseDeserialize(cut)),
        `cut to ${length} bytes`,
      );
    }
  });

  it('keeps the case of range_end, the mistake that returns no keys', () => {
    const { Range } = ours['etcdserverpb.KV']!;
    const bytes = Range!.requestSerialize({ key: Buffer.from('a'), range_end: Buffer.from('b'), serializable: true });
    assert.equal(bytes.toString('hex'), '0a01611201623801');
  });

  it('writes what etcd3 is given: numbers as text, bytes as buffers, nested messages', () => {
    const request = {
      compare: [{ key: Buffer.from('k'), result: 'Equal', target: 'Version', version: '0' }],
      success: [{ request_put: { key: Buffer.from('k'), value: Buffer.from('v'), lease: '7587862094675454001' } }],
      failure: [{ request_range: { key: Buffer.from('k'), limit: 1 } }],
    };
    const method = ours['etcdserverpb.KV']!.Txn!;
    const bytes = method.requestSerialize(request);
    assert.deepEqual(bytes, theirs['etcdserverpb.KV']!.Txn!.requestSerialize(request));
    assert.match(JSON.stringify(method.requestDeserialize(bytes)), /"lease":"7587862094675454001"/);
  });
});
