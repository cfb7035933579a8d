/** The status page in a real browser. */
import assert from 'node:assert/strict';
import { after, before, describe, it, type TestContext } from 'node:test';
import type { Browser } from 'playwright-core';
import type { StatusSource } from '../../../../../drivers/http/source.ts';
import type { PeerStatus, Status } from '../../../../../reconciler/contracts/status.ts';
import type { FleetDocument, FleetHost } from '../../../../../reconciler/report/fleet.ts';
import { servePage, startBrowser, visit } from '../../../../helpers/browser.ts';
import { eventually } from '../../../../helpers/eventually.ts';
import { sourceOf, statusWith } from '../../../../helpers/status.ts';

const HOSTILE = '<img src=x onerror="document.title=\'owned\'"><script>document.title="owned"</script>';

/** A source whose status a test can change. */
class Changing {
  status: Status;
  #tell = () => {};
  readonly source: StatusSource;

  constructor(parts: Partial<Status> = {}) {
    this.status = statusWith({ at: new Date().toISOString(), ...parts });
    this.source = {
      ...sourceOf(),
      status: () => this.status,
      subscribe: (changed) => {
        this.#tell = changed;
        return () => {};
      },
    };
  }

  change(parts: Partial<Status>): void {
    this.status = { ...this.status, at: new Date().toISOString(), ...parts };
    this.#tell();
  }
}

const peersOf = (count: number): PeerStatus[] =>
  Array.from({ length: count }, (_, i) => ({
    subnet: `10.${16 + (i >> 8)}.${i & 255}.0/24`,
    publicIP: `192.168.${i >> 8}.${i & 255}`,
    state: i % 1000 === 7 ? 'held' : i % 1000 === 8 ? 'waiting' : 'served',
    lost: i % 500 === 3 ? 2 : 0,
    lostAt: i % 500 === 3 ? new Date().toISOString() : null,
  }));

const held = {
  kind: 'route',
  key: 'k',
  text: '10.5.9.0/24',
  why: 'foreign route',
  detail: 'Remove that address.',
  unmet: true,
} as const;

const silentHost: FleetHost = {
  subnet: '10.5.4.0/24',
  publicIP: '192.168.64.4',
  hostname: '',
  selvage: '',
  state: 'silent',
  wrong: [],
  held: 0,
  unreachable: { subnets: [], count: 0 },
  docker: null,
  heard: null,
};

/** `count` hosts: of each nine one has something wrong, or says nothing. */
function fleetOf(count: number): FleetDocument {
  const hosts = Array.from({ length: count }, (_, i): FleetHost => {
    const at = { subnet: `10.5.${i}.0/24`, publicIP: `192.168.64.${i}`, hostname: `web${i}.example.net` };
    const well: FleetHost = {
      ...silentHost,
      ...at,
      selvage: '1.2.3',
      state: 'in sync',
      docker: `10.5.${i}.1/24`,
      heard: i % 30,
    };
    if (i % 9 === 4) return { ...silentHost, ...at, hostname: '' };
    if (i % 9 === 7)
      return {
        ...well,
        state: 'not in sync',
        held: 2,
        unreachable: { subnets: ['10.5.200.0/24', '10.5.201.0/24'], count: 2 },
        wrong: [
          `10.5.9.0/24 is already routed by docker0: ip route del 10.5.9.0/24 dev docker0, or choose another Network.`,
          'Its lease is of another backend (host-gw): it has not moved yet.',
        ],
        heard: 82,
      };
    return well;
  });
  const of = (state: FleetHost['state']): number => hosts.filter((host) => host.state === state).length;
  const wrong = hosts.filter((host) => host.wrong.length).length;
  return {
    version: 1,
    source: { kind: 'etcd-v3', revision: '42' },
    network: { network: '10.5.0.0/16', backend: 'vxlan' },
    summary: { hosts: count, inSync: of('in sync'), notInSync: of('not in sync'), silent: of('silent'), wrong },
    hosts,
  };
}

describe('the page', () => {
  let browser: Browser;
  before(async () => {
    browser = await startBrowser();
  });
  after(() => browser?.close());

  async function open(t: TestContext, changing: Changing, how: Parameters<typeof visit>[2] = {}) {
    const served = await servePage(changing.source);
    t.after(served.close);
    const visited = await visit(browser, served.url, how);
    t.after(() => visited.page.context().close());
    return visited;
  }

  it('says at one glance how the host is, and follows as that changes', async (t) => {
    const changing = new Changing();
    const { page, complaints } = await open(t, changing);
    assert.equal(await page.locator('h1').textContent(), 'In sync');
    assert.match((await page.locator('#line').textContent()) ?? '', /2 peers, in sync/);
    assert.match((await page.locator('#facts').textContent()) ?? '', /Lease10\.5\.1\.0\/24/);
    assert.equal(await page.locator('#held-section').isVisible(), false);
    changing.change({ inSync: false, line: 'not in sync, 1 held', held: [held] });
    await page.locator('h1.bad').waitFor();
    assert.equal(await page.locator('h1').textContent(), 'Not in sync');
    assert.match(
      (await page.locator('#held').textContent()) ?? '',
      /route 10\.5\.9\.0\/24 – foreign route, unmetRemove that address\./,
    );
    assert.match(await page.title(), /^✗ web1/);
    assert.deepEqual(complaints, []);
  });

  it('shows what was done last, and rounds that found nothing when asked', async (t) => {
    const { page } = await open(t, new Changing());
    assert.equal(await page.locator('#rounds li').count(), 1);
    assert.match(
      (await page.locator('#rounds').textContent()) ?? '',
      /repaired – route 10\.5\.9\.0\/24 .*made again in 2 ms\. Woken by this host\./,
    );
    await page.getByLabel('also rounds that found nothing').check();
    assert.equal(await page.locator('#rounds li').count(), 2);
    assert.equal(await page.locator('#strip rect').count(), 2);
  });

  it('shows hostile text as text', async (t) => {
    const changing = new Changing({
      line: HOSTILE,
      host: { hostname: `web1${HOSTILE}`, iface: HOSTILE, publicIP: HOSTILE },
      network: { network: HOSTILE, subnet: HOSTILE, backend: HOSTILE, mtu: 1450 },
      held: [{ ...held, text: HOSTILE, why: HOSTILE, detail: `${HOSTILE}\u202e` }],
      retries: [{ kind: 'route', key: HOSTILE, why: HOSTILE, times: 1, nextAt: null }],
      peers: [{ subnet: HOSTILE, publicIP: HOSTILE, state: 'served', lost: 0, lostAt: null }],
    });
    changing.status.rounds[1]!.did = HOSTILE;
    changing.status.rounds[1]!.scope = HOSTILE;
    const { page, complaints } = await open(t, changing);
    await page.locator('#peer-rows td.mono').first().waitFor();
    assert.equal(await page.locator('img').count(), 0);
    assert.equal(await page.locator('script').count(), 1);
    assert.ok(!(await page.title()).startsWith('owned'));
    assert.equal(await page.locator('#peer-rows td.mono').first().textContent(), HOSTILE);
    assert.match((await page.locator('#held p').textContent()) ?? '', /\\u\{202e\}$/);
    assert.deepEqual(complaints, []);
  });

  it('with 4,096 peers finds one, and shows no more rows than anybody reads', async (t) => {
    const changing = new Changing({ peers: peersOf(4096) });
    const { page, complaints } = await open(t, changing);
    const rows = page.locator('#peer-rows tr');
    await eventually(async () => (await rows.count()) === 100, { what: '100 rows' });
    await page.keyboard.press('/');
    assert.equal(await page.evaluate('document.activeElement.id'), 'search');
    await page.keyboard.type('192.168.15.200');
    await eventually(async () => (await rows.count()) === 1, { what: 'one row' });
    assert.match((await rows.first().textContent()) ?? '', /10\.31\.200\.0\/24/);
    assert.equal(await page.locator('#peers-count').textContent(), '1 of 4,096');
    await page.getByLabel('Search').fill('');
    await page.locator('#filter').selectOption('wrong');
    await eventually(async () => (await page.locator('#peers-count').textContent()) === '10 of 4,096', { what: 'ten' });
    await page.locator('#filter').selectOption('all');
    await page.getByRole('button', { name: /^Show 500 more of 4,096/ }).click();
    await eventually(async () => (await rows.count()) === 600, { what: '600 rows' });
    const [first] = changing.status.peers;
    changing.change({ peers: [{ ...first!, lost: 9 }, ...changing.status.peers.slice(2)] });
    await eventually(async () => (await page.locator('#peers-count').textContent()) === '4,095', {
      what: 'one to be gone',
    });
    assert.match((await rows.first().textContent()) ?? '', /9 ×/);
    assert.deepEqual(complaints, []);
  });

  it('shows the fleet where one is written, those with something wrong first', async (t) => {
    const changing = new Changing();
    const { page: without } = await open(t, changing);
    assert.equal(await without.locator('#fleet-section').isVisible(), false);
    const host: FleetHost = { ...silentHost, hostname: 'web2', selvage: '1.2.3', state: 'in sync', heard: 7 };
    const docker = '10.5.2.1/24';
    const wrong: FleetHost = {
      ...host,
      subnet: '10.5.3.0/24',
      hostname: HOSTILE,
      state: 'not in sync',
      wrong: [HOSTILE],
    };
    const hosts = [{ ...host, docker }, silentHost, wrong];
    const summary = { hosts: 3, inSync: 1, notInSync: 1, silent: 1, wrong: 1 };
    const network = { network: '10.5.0.0/16', backend: 'vxlan' };
    changing.source.fleet = async () => ({
      version: 1,
      source: { kind: 'etcd-v3', revision: '42' },
      network,
      summary,
      hosts,
    });
    const { page, complaints } = await open(t, changing);
    const rows = page.locator('#fleet tr');
    await rows.nth(2).waitFor();
    assert.ok((await rows.first().textContent())?.includes(HOSTILE));
    assert.match((await rows.nth(1).textContent()) ?? '', /192\.168\.64\.4.*says nothing .*never/);
    assert.match((await rows.nth(2).textContent()) ?? '', /web2.*Docker: 10\.5\.2\.1\/24.*in sync7 s ago/);
    assert.match((await page.locator('#fleet-count').textContent()) ?? '', /^3: 1 in sync, 1 not in sync, 1 silent$/);
    assert.equal(await page.locator('img').count(), 0);
    assert.deepEqual(complaints, []);
  });

  it('of a large fleet lists few, and more when asked', async (t) => {
    const changing = new Changing();
    changing.source.fleet = async () => fleetOf(100);
    const { page } = await open(t, changing);
    const rows = page.locator('#fleet tr');
    await eventually(async () => (await rows.count()) === 20, { what: '20 rows' });
    assert.match((await rows.first().textContent()) ?? '', /web7.*not in sync, 2 held.*Can't reach 2: 10\.5\.200\.0/);
    await page.getByRole('button', { name: /^Show 80 more of 100/ }).click();
    await eventually(async () => (await rows.count()) === 100, { what: 'all rows' });
    assert.equal(await page.locator('#fleet-more').isVisible(), false);
    assert.match((await page.evaluate('document.activeElement.textContent')) as string, /web|192\.168/);
  });

  it('on a phone and on a desk, light and dark, nothing is cut off sideways', async (t) => {
    const detail =
      'A long sentence about 10.5.9.0/24 that says what to do, and has averyveryveryveryverylongwordwithoutanyblankinit_0123456789 in it.';
    for (const width of [1280, 390])
      for (const theme of ['light', 'dark'] as const) {
        const changing = new Changing({ peers: peersOf(300), inSync: false, held: [{ ...held, detail }] });
        changing.source.fleet = async () => fleetOf(40);
        const { page, complaints } = await open(t, changing, { width, theme });
        await page.locator('#peer-rows td.mono').first().waitFor();
        await page.locator('#fleet td').first().waitFor();
        const excess = await page.evaluate(
          'document.documentElement.scrollWidth - document.documentElement.clientWidth',
        );
        assert.equal(excess, 0, `${width} ${theme}`);
        const folder = process.env.SELVAGE_SCREENSHOTS;
        if (folder) {
          await page.screenshot({ path: `${folder}/${width}-${theme}.png` });
          await page.locator('#fleet-section').screenshot({ path: `${folder}/${width}-${theme}-fleet.png` });
          await page.locator('#rounds-title').scrollIntoViewIfNeeded();
          await page.screenshot({ path: `${folder}/${width}-${theme}-rounds.png` });
        }
        assert.deepEqual(complaints, []);
      }
  });

  it('says when it is no longer live', async (t) => {
    const changing = new Changing();
    const served = await servePage(changing.source);
    const { page } = await visit(browser, served.url);
    t.after(() => page.context().close());
    served.close();
    await page.locator('#live.off').waitFor();
    assert.match((await page.locator('#live').textContent()) ?? '', /not live/);
    assert.equal(await page.locator('h1').textContent(), 'In sync');
  });

  it('can be used by who sees nothing: names, headings and tables are there', async (t) => {
    const { page } = await open(t, new Changing({ held: [held] }));
    for (const name of ['In sync', 'Held 1', 'Last rounds', 'Peers'])
      assert.ok((await page.getByRole('heading', { name }).count()) >= 1, name);
    assert.equal(await page.getByRole('columnheader').count(), 4);
    assert.match((await page.getByRole('img').getAttribute('aria-labelledby')) ?? '', /strip-title/);
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate('document.activeElement.textContent'), 'Skip to the peers');
  });
});
