import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { runCommand } from '../../../../drivers/docker/command.ts';
import { openDocker } from '../../../../drivers/docker/driver.ts';
import { askEngine, mayConnect, parseEngineAddress } from '../../../../drivers/docker/engine.ts';
import { eventually } from '../../../helpers/eventually.ts';
import { temporaryFolder } from '../files/fixture.ts';

/** As dockerd 20.10 answers; of what isn't read only a little. */
const INFO = { ServerVersion: '20.10.24+dfsg1', LiveRestoreEnabled: true, Containers: 2 };
const NETWORK = {
  Name: 'bridge',
  IPAM: { Driver: 'default', Config: [{ Subnet: '10.5.9.0/24', Gateway: '10.5.9.1' }] },
  Options: {
    'com.docker.network.bridge.enable_ip_masquerade': 'false',
    'com.docker.network.bridge.name': 'docker0',
    'com.docker.network.driver.mtu': '1450',
  },
};
const CONTAINERS = [
  { Id: 'b75481', Names: ['/web'], NetworkSettings: { Networks: { bridge: { IPAddress: '10.5.9.2' } } } },
  { Id: 'c75481', Names: ['/elsewhere'], NetworkSettings: { Networks: { mine: { IPAddress: '172.18.0.2' } } } },
];

class FakeEngine {
  readonly socket: string;
  answers: Record<string, { status?: number; body: unknown } | 'silence'> = {
    '/info': { body: INFO },
    '/networks/bridge': { body: NETWORK },
    '/containers/json': { body: CONTAINERS },
  };
  readonly events: ServerResponse[] = [];
  asked: string[] = [];
  #server: Server | undefined;

  constructor(t: TestContext) {
    this.socket = join(temporaryFolder(t), 'docker.sock');
    t.after(() => this.stop());
  }

  async start(): Promise<void> {
    const server = createServer((request, response) => {
      const [path = ''] = (request.url ?? '').split('?');
      this.asked.push(path);
      if (path === '/events') {
        response.writeHead(200);
        response.flushHeaders();
        this.events.push(response);
        return;
      }
      const answer = this.answers[path];
      if (answer === 'silence' || !answer) return;
      response.writeHead(answer.status ?? 200, { 'Content-Type': 'application/json' });
      // In pieces, as they come.
      const text = JSON.stringify(answer.body);
      response.write(text.slice(0, 7));
      response.end(text.slice(7));
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.socket, resolve));
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    rmSync(this.socket, { force: true });
  }

  get address() {
    return parseEngineAddress(`unix://${this.socket}`);
  }
}

describe('asking the engine', () => {
  it('version, live-restore, the default bridge and who runs', async (t) => {
    const fake = new FakeEngine(t);
    await fake.start();
    assert.deepEqual(await askEngine(fake.address), {
      engine: {
        version: '20.10.24+dfsg1',
        liveRestore: true,
        network: { bridge: 'docker0', address: '10.5.9.1/24', mtu: 1450, ipMasq: false },
        containers: [
          { name: 'web', address: '10.5.9.2' },
          { name: 'elsewhere', address: '' },
        ],
      },
    });
  });

  it('an engine without a default bridge, and what an older one leaves out', async (t) => {
    const fake = new FakeEngine(t);
    await fake.start();
    fake.answers['/networks/bridge'] = { status: 404, body: { message: 'network bridge not found' } };
    assert.equal((await askEngine(fake.address)).engine?.network, undefined);
    fake.answers['/networks/bridge'] = { body: {} };
    const { engine } = await askEngine(fake.address);
    assert.deepEqual(engine?.network, { bridge: 'docker0', address: '', mtu: 1500, ipMasq: true });
  });

  it('no engine is a fact', async (t) => {
    const fake = new FakeEngine(t);
    assert.deepEqual(await askEngine(fake.address), { engine: undefined });
    writeFileSync(fake.socket, ''); // a socket that nobody listens at any more refuses alike
    assert.deepEqual(await askEngine(fake.address), { engine: undefined });
  });

  it('one that does not answer, or nonsense, is a problem that says so', async (t) => {
    const fake = new FakeEngine(t);
    await fake.start();
    fake.answers['/info'] = 'silence';
    const answer = await askEngine(fake.address, 100);
    assert.match(
      'problem' in answer ? (answer.problem ?? '') : '',
      /docker\.sock can't be asked \(no answer to \/info in 0\.1 s\)/,
    );
    fake.answers['/info'] = { status: 500, body: {} };
    const failed = await askEngine(fake.address);
    assert.match('problem' in failed ? (failed.problem ?? '') : '', /it answered 500 to \/info/);
  });

  const notAnEngine: Record<string, [body: unknown, said: RegExp]> = {
    HTML: ['<html>', /its answer to \/info is no engine's/],
    'an empty object': [{}, /its answer to \/info is no engine's/],
    'more than a megabyte': [{ ServerVersion: 'x'.repeat(1 << 20) }, /its answer to \/info is too long/],
  };
  for (const [name, [body, said]] of Object.entries(notAnEngine)) {
    it(`${name} is a problem that says so in a few words`, async (t) => {
      const fake = new FakeEngine(t);
      await fake.start();
      fake.answers['/info'] = { body };
      const { engine, problem = '' } = (await askEngine(parseEngineAddress(`unix://${fake.socket}`))) as {
        engine: unknown;
        problem?: string;
      };
      assert.equal(engine, undefined);
      assert.match(problem, said);
      assert.ok(problem.length < 400);
    });
  }

  it('addresses', () => {
    assert.deepEqual(parseEngineAddress('unix:///run/x.sock'), { socketPath: '/run/x.sock', host: '', port: 0 });
    assert.deepEqual(parseEngineAddress('tcp://127.0.0.1:2375'), { socketPath: '', host: '127.0.0.1', port: 2375 });
    assert.equal(mayConnect(parseEngineAddress('unix:///nonexistent/docker.sock')), false);
  });
});

describe('edges', () => {
  it('an engine that comes, a container, an engine that goes, and one that comes again', async (t) => {
    const fake = new FakeEngine(t);
    let edges = 0;
    const note = join(temporaryFolder(t), 'note');
    const driver = openDocker({ host: `unix://${fake.socket}`, restartCommand: 'true', noteFile: note });
    const stop = driver.watch(() => edges++);
    t.after(stop);
    const another = async (what: string, cause: () => unknown): Promise<void> => {
      const before = edges;
      await cause();
      await eventually(() => edges > before, { what });
    };
    await another('an engine that comes', () => fake.start());
    await another('a container that starts', () =>
      fake.events.at(-1)!.write('{"Type":"container","Action":"start"}\n'),
    );
    await another('an engine that goes', () => fake.stop());
    await another('an engine that comes again', () => fake.start());
    await another('a container that ends', () => fake.events.at(-1)!.write('{"Action":"die"}\n'));
    assert.equal(fake.events.length, 2);
  });
});

describe('the restart', () => {
  it('notes the cause first, then waits for the engine', async (t) => {
    const fake = new FakeEngine(t);
    const folder = temporaryFolder(t);
    const [noteFile, ran] = [join(folder, 'note.json'), join(folder, 'ran')];
    const cause = { cause: 'x', at: 5, times: 1 };
    const driver = openDocker({ host: `unix://${fake.socket}`, restartCommand: `cp ${noteFile} ${ran}`, noteFile });
    assert.equal((await driver.look()).restarted, undefined);
    const result = driver.restart(cause);
    await eventually(() => existsSync(ran), { what: 'the command' });
    await fake.start();
    assert.deepEqual(await result, { ok: true });
    assert.deepEqual(JSON.parse(readFileSync(ran, 'utf8')), cause);
    assert.deepEqual((await driver.look()).restarted, cause);
  });

  it('another process that was quicker has made it: this one waits for the same engine', async (t) => {
    const fake = new FakeEngine(t);
    await fake.start();
    const folder = temporaryFolder(t);
    const [noteFile, ran] = [join(folder, 'note.json'), join(folder, 'ran')];
    const both = { host: `unix://${fake.socket}`, restartCommand: `echo >>${ran}`, noteFile };
    const note = { cause: 'x', at: 5, times: 1 };
    assert.deepEqual(await openDocker(both).restart(note), { ok: true });
    assert.deepEqual(await openDocker(both).restart({ ...note, at: 6 }), { ok: true });
    assert.equal(readFileSync(ran, 'utf8'), '\n');
    assert.deepEqual(await openDocker(both).restart({ ...note, at: 7, times: 2 }), { ok: true });
    assert.equal(readFileSync(ran, 'utf8'), '\n\n');
  });

  it('without a note there is no restart, or it might never end', async (t) => {
    const folder = temporaryFolder(t);
    const [file, ran] = [join(folder, 'file'), join(folder, 'ran')];
    writeFileSync(file, '');
    const driver = openDocker({
      host: 'unix:///nonexistent',
      restartCommand: `touch ${ran}`,
      noteFile: join(file, 'note'),
    });
    const result = await driver.restart({ cause: 'x', at: 5, times: 1 });
    assert.match(result.ok ? '' : result.message, /again and again/);
    assert.equal(existsSync(ran), false);
  });

  it('a command that succeeds but brings no engine is a failure', async (t) => {
    const noteFile = join(temporaryFolder(t), 'note');
    const driver = openDocker({ host: 'unix:///nonexistent/s', restartCommand: 'true', noteFile, comesUpMs: 1 });
    const result = await driver.restart({ cause: 'x', at: 5, times: 1 });
    assert.match(
      result.ok ? '' : result.message,
      /"true" succeeded, but no engine answers at unix:\/\/\/nonexistent\/s/,
    );
  });

  it('a command’s failure is told with its last words', async () => {
    const failed = await runCommand('echo out; echo "Job for docker.service  failed." >&2; exit 3').done;
    assert.deepEqual(
      failed.ok || failed.message.replace(/^".*?" (?=failed)/, ''),
      'failed with exit code 3: out Job for docker.service failed.',
    );
    const unknown = await runCommand('/nonexistent/command').done;
    assert.match(unknown.ok ? '' : unknown.message, /exit code 127: .*not found/);
    assert.deepEqual(await runCommand('true').done, { ok: true });
  });

  it('one that hangs is ended, with what it has started', async (t) => {
    const pidFile = join(temporaryFolder(t), 'pid');
    const result = await runCommand(`sh -c 'echo $$ >${pidFile}; sleep 1000'; true`, 500).done;
    assert.match(result.ok ? '' : result.message, /did not end in 0\.5 s and was killed/);
    const pid = readFileSync(pidFile, 'utf8').trim();
    const isGone = (): boolean =>
      !existsSync(`/proc/${pid}`) || /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
    await eventually(isGone, { what: 'its child to be gone' });
  });

  it('what it leaves running in the background is not waited for', async () => {
    assert.deepEqual(await runCommand('sleep 5 & true', 4000).done, { ok: true });
  });
});
