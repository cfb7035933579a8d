/**
 * In the bundle, in place of @grpc/proto-loader's loadSync: gRPC's service definitions from what etcd3-plugin.mjs read at build time.
 * proto-loader would parse .proto files (31 ms) or build a descriptor of every message (25 ms) at each start; this makes the code
 * for a message when it is first sent or received, and only then.
 */
'use strict';
const protobuf = require('protobufjs/light');

/** As etcd3 asks of proto-loader. */
const OPTIONS = { longs: String, enums: String, defaults: true, oneofs: true };

/** The four pieces of code that a message may need, each with what protobufjs gives it. */
const PIECES = {
  encode: (type) => protobuf.encoder(type),
  decode: (type) => protobuf.decoder(type),
  fromObject: (type) => protobuf.converter.fromObject(type),
  toObject: (type) => protobuf.converter.toObject(type),
};

/** Makes each piece when it is first called: protobufjs makes all of them, and most messages go one way only. */
function makeWhenNeeded(type) {
  for (const [name, generate] of Object.entries(PIECES)) {
    type[name] = (...args) => {
      const types = type.fieldsArray.map((field) => field.resolve().resolvedType);
      type[name] = generate(type)({ Reader: protobuf.Reader, Writer: protobuf.Writer, types, util: protobuf.util });
      return type[name](...args);
    };
  }
}

/** 49 bits: beyond that a number would not be exact. */
const EXACT = 128 ** 6;

/** The 64-bit number that is next, as text. Small ones, nearly all, without a detour. */
function int64Text(reader) {
  const { buf } = reader;
  let { pos } = reader;
  let value = 0;
  let scale = 1;
  for (; buf[pos] >= 128 && scale < EXACT; pos++, scale *= 128) value += (buf[pos] - 128) * scale;
  if (buf[pos] < 128 && pos < reader.len) {
    reader.pos = pos + 1;
    return String(value + buf[pos] * scale);
  }
  const { low, high } = reader.int64();
  return String((BigInt(high) << 32n) | BigInt(low >>> 0));
}

/** mvccpb.KeyValue (etcd's kv.proto), of which a listing has tens of thousands: read at once into what toObject would make of it. */
const keyValue = {
  decode(reader, length) {
    const end = length === undefined ? reader.len : reader.pos + length;
    if (end > reader.len) throw RangeError('index out of range');
    const kv = {
      key: Buffer.alloc(0),
      create_revision: '0',
      mod_revision: '0',
      version: '0',
      value: Buffer.alloc(0),
      lease: '0',
    };
    while (reader.pos < end) {
      const tag = reader.uint32();
      switch (tag >>> 3) {
        case 1:
          kv.key = reader.bytes();
          break;
        case 2:
          kv.create_revision = int64Text(reader);
          break;
        case 3:
          kv.mod_revision = int64Text(reader);
          break;
        case 4:
          kv.version = int64Text(reader);
          break;
        case 5:
          kv.value = reader.bytes();
          break;
        case 6:
          kv.lease = int64Text(reader);
          break;
        default:
          reader.skipType(tag & 7);
      }
    }
    if (reader.pos !== end) throw RangeError('index out of range');
    return kv;
  },
  toObject: (kv) => kv,
};

function prepared(root) {
  for (const space of root.nestedArray) {
    for (const type of space.nestedArray) if (type instanceof protobuf.Type) makeWhenNeeded(type);
  }
  Object.assign(root.lookupType('mvccpb.KeyValue'), keyValue);
  return root;
}

exports.packageDefinition = ({ root: json, services }) => {
  let root;
  const typeNamed = (name) => {
    root ??= prepared(protobuf.Root.fromJSON(json));
    return root.lookupType(name);
  };
  const serializer = (name) => {
    let type;
    return (message) => {
      type ??= typeNamed(name);
      return type.encode(type.fromObject(message)).finish();
    };
  };
  const deserializer = (name) => {
    let type;
    return (bytes) => {
      type ??= typeNamed(name);
      return type.toObject(type.decode(bytes), OPTIONS);
    };
  };
  const method = ({ request, response, ...rest }) => ({
    ...rest,
    requestSerialize: serializer(request),
    requestDeserialize: deserializer(request),
    responseSerialize: serializer(response),
    responseDeserialize: deserializer(response),
  });
  const mapped = (object, change) => Object.fromEntries(Object.entries(object).map(([name, value]) => [name, change(value)]));
  return mapped(services, (methods) => mapped(methods, method));
};
