/**
 * In the bundle, in place of @grpc/proto-loader's loadSync: gRPC's service definitions from what etcd3-plugin.mjs read at build time.
 * proto-loader would parse .proto files (31 ms) or build a descriptor of every message (25 ms) at each start; this makes the code
 * for a message when it is first sent or received, and only then.
 */
'use strict';
const protobuf = require('protobufjs/light');

/** As etcd3 asks of proto-loader. */
const OPTIONS = { longs: String, enums: String, defaults: true, oneofs: true };

exports.packageDefinition = ({ root: json, services }) => {
  let root;
  const typeNamed = (name) => {
    root ??= protobuf.Root.fromJSON(json);
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
