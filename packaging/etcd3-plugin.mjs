/**
 * Owns how etcd3 gets into the bundle: it reads its .proto files from beside itself at start, where a bundle has none.
 * They are read here, at build time, and made into definitions by etcd3-protocol.cjs. The build fails if etcd3 has changed that code.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';

const runtime = fileURLToPath(new URL('./etcd3-protocol.cjs', import.meta.url));
/** etcd3's own call. keepCase matters most: without it `range_end` would be dropped, and a range return no keys. */
const LOAD =
  /\(0, proto_loader_1\.loadSync\)\(`\$\{__dirname\}\/\.\.\/proto\/rpc\.proto`, \{\s*keepCase: true,\s*longs: String,\s*enums: String,\s*defaults: true,\s*oneofs: true,\s*\}\)/;
const IMPORT = /^const proto_loader_1 = require\("@grpc\/proto-loader"\);$/m;

/** What etcd3-protocol.cjs needs, as JSON: the message types, and of each service's methods what gRPC asks. */
export function readProtocol() {
  // proto-loader, too, is etcd3's.
  const require = createRequire(createRequire(import.meta.url).resolve('etcd3'));
  const file = fileURLToPath(
    new URL('../proto/rpc.proto', `file://${require.resolve('etcd3/lib/connection-pool.js')}`),
  );
  const loaded = require('@grpc/proto-loader').loadSync(file, { keepCase: true });
  const services = {};
  for (const [name, definition] of Object.entries(loaded)) {
    if ('format' in definition) continue; // a message or an enum
    const namespace = name.slice(0, name.lastIndexOf('.') + 1);
    const methods = Object.entries(definition).map(
      ([key, { path, requestStream, responseStream, originalName, ...rest }]) => [
        key,
        {
          path,
          requestStream,
          responseStream,
          originalName,
          request: namespace + rest.requestType.type.name,
          response: namespace + rest.responseType.type.name,
        },
      ],
    );
    services[name] = Object.fromEntries(methods);
  }
  return { root: new protobuf.Root().loadSync(file, { keepCase: true }).toJSON(), services };
}

export const etcd3Protocol = {
  name: 'etcd3-protocol',
  setup(build) {
    build.onLoad({ filter: /etcd3\/lib\/connection-pool\.js$/ }, ({ path }) => {
      const source = readFileSync(path, 'utf8');
      if (!LOAD.test(source) || !IMPORT.test(source)) {
        throw new Error(`${path} no longer reads rpc.proto as this build expects: see packaging/etcd3-plugin.mjs.`);
      }
      const definition = `require(${JSON.stringify(runtime)}).packageDefinition(${JSON.stringify(readProtocol())})`;
      return { contents: source.replace(IMPORT, '').replace(LOAD, () => definition), loader: 'js' };
    });
  },
};
