/** What isn't etcd, and certificates for other names, as both clients tell it: real servers on loopback. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { createSecureServer, type Http2SecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { connect } from '../../../../drivers/etcd/client.ts';
import { V2Client } from '../../../../drivers/etcd-v2/client.ts';
import { type Certs, makeCerts, type Pair } from '../../../helpers/etcd-certs.ts';

const servers = new Set<Server | Http2SecureServer>();

async function listen(server: Server | Http2SecureServer): Promise<number> {
  servers.add(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

after(() => {
  for (const server of servers) {
    if ('closeAllConnections' in server) server.closeAllConnections();
    server.close();
  }
});

/** The sentence of either client. */
async function sentence(api: 'v2' | 'v3', endpoint: string, caFile?: string): Promise<string> {
  const options = { endpoints: [endpoint], prefix: '/p', ...(caFile && { caFile }), tuning: { deadlineMs: 3000 } };
  const client = api === 'v3' ? connect(options) : new V2Client(options);
  try {
    await (client instanceof V2Client ? client.get('/p/') : client.range({ key: Buffer.from('/p/') }));
    return 'it worked';
  } catch (error) {
    return (error as Error).message;
  } finally {
    await client.close();
  }
}

const page = (response: ServerResponse, status: number, headers = {}): void => {
  response.writeHead(status, { 'content-type': 'text/html', ...headers }).end('<html>no</html>');
};

describe('what listens there and is no etcd', () => {
  const answers: [string, (response: ServerResponse) => void, RegExp][] = [
    [
      'a page that is not there',
      (to) => page(to, 404),
      /answers with HTTP status 404 Not Found and a page of HTML, as no/,
    ],
    [
      'a page',
      (to) => page(to, 200),
      /answers with HTTP status 200 OK and a page of HTML.*something else listens there/,
    ],
    ['a proxy', (to) => page(to, 502), /is a proxy that can't reach its server \(HTTP status 502 Bad Gateway\)/],
    [
      'a redirection',
      (to) => page(to, 301, { location: 'https://etcd.example:2379/v3' }),
      /redirects to https:\/\/etcd\.example:2379\/\S* \(HTTP status 301 Moved Permanently\), which etcd never does/,
    ],
    ['another JSON', (to) => void to.end('{"status":"ok"}'), /answers with HTTP status 200 OK, as no etcd does/],
    ['JSON of nothing', (to) => void to.end('null'), /answers with HTTP status 200 OK, as no etcd does/],
  ];
  for (const [name, answer, expected] of answers) {
    for (const api of ['v3', 'v2'] as const) {
      it(`${name}, asked with ${api}`, async () => {
        const server = createServer((_, response) => {
          try {
            answer(response);
          } catch {
            response.destroy();
          }
        });
        const port = await listen(server);
        const said = await sentence(api, `http://127.0.0.1:${port}`);
        assert.match(said, expected);
        assert.doesNotMatch(said, /TLS|v3 does|--enable-v2/);
      });
    }
  }

  it('an etcd 2, which speaks no gRPC, and one that wants TLS, are told as such', async () => {
    const two = await listen(createServer((_, response) => response.end('{"etcdserver":"2.3.8"}')));
    assert.match(await sentence('v3', `http://127.0.0.1:${two}`), /is etcd 2\.3\.8.*--etcd-api v2/);
    const tls = await listen(
      createServer((_, response) => response.writeHead(400).end('Client sent an HTTP request to an HTTPS server.\n')),
    );
    assert.match(await sentence('v3', `http://127.0.0.1:${tls}`), /write https:\/\//);
  });

  it("etcd without v2 says so in Go's words, and is no stranger", async () => {
    const port = await listen(createServer((_, response) => response.writeHead(404).end('404 page not found\n')));
    assert.match(await sentence('v2', `http://127.0.0.1:${port}`), /has no v2 API.*--enable-v2/);
  });
});

describe("a server's certificate for other names", () => {
  let certs: Certs;
  before(() => {
    certs = makeCerts();
  });
  after(() => certs.remove());

  const serve = ({ cert, key }: Pair): Promise<number> =>
    listen(createSecureServer({ cert: readFileSync(cert), key: readFileSync(key), allowHTTP1: true }));

  for (const api of ['v3', 'v2'] as const) {
    it(`is told with the names that it has (${api})`, async () => {
      const port = await serve(certs.elsewhereServer);
      for (const host of ['localhost', '127.0.0.1']) {
        assert.equal(
          await sentence(api, `https://${host}:${port}`, certs.ca),
          `etcd at https://${host}:${port} has a certificate for other names (etcd.example): write one of them in --etcd-endpoints, or have one issued that names ${host}`,
        );
      }
    });

    it(`and one without any by its common name (${api})`, async () => {
      const port = await serve(certs.namelessServer);
      assert.equal(
        await sentence(api, `https://127.0.0.1:${port}`, certs.ca),
        `etcd at https://127.0.0.1:${port} has a certificate without subject alternative names (its common name nameless counts for nothing): have one issued that names 127.0.0.1`,
      );
    });
  }
});
