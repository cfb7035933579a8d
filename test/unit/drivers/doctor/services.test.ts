/** What systemd and NetworkManager were told, read from files as they leave them. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { networkServices } from '../../../../drivers/doctor/services.ts';

const DEVICES = [
  { name: 'eth0', index: 2 },
  { name: 'flannel.1', index: 5 },
];
const RUNNING = new Set(['systemd-network', 'NetworkManager', 'systemd-udevd']);

describe('what network services were told', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), `selvage-services-${process.pid}-`));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));
  const put = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  const look = (running: ReadonlySet<string> = RUNNING) => networkServices(DEVICES, running, root);

  it('what does not run is not judged', () => {
    assert.deepEqual(look(new Set()), { macPolicy: {} });
  });

  it('networkd removes what is of others as far as its version does', () => {
    assert.deepEqual(look().networkd?.removes, ['routes', 'rules']);
    put('/usr/lib/x86_64-linux-gnu/systemd/libsystemd-shared-257.so', '');
    assert.deepEqual(look().networkd?.removes, ['routes', 'rules', 'nexthops']);
    rmSync(join(root, 'usr'), { recursive: true });
    put('/usr/lib/systemd/libsystemd-shared-247.so', '');
    assert.deepEqual(look().networkd?.removes, ['routes']);
  });

  it('a drop-in counts more than the file, a later one more than an earlier, and /etc hides /usr/lib', () => {
    put('/etc/systemd/networkd.conf', '[Network]\nManageForeignRoutes=no\n#ManageForeignRoutingPolicyRules=no\n');
    assert.deepEqual(look().networkd?.removes, ['rules']);
    put('/usr/lib/systemd/networkd.conf.d/20.conf', '[Network]\nManageForeignRoutes=yes\n');
    assert.deepEqual(look().networkd?.removes, ['routes', 'rules']);
    put('/etc/systemd/networkd.conf.d/20.conf', '[Network]\nManageForeignRoutingPolicyRules = no\n');
    assert.deepEqual(look().networkd?.removes, []);
    put('/run/systemd/networkd.conf.d/10.conf', '[DHCPv4]\nManageForeignRoutes=yes\n');
    assert.deepEqual(look().networkd?.removes, []);
  });

  it('which devices are managed is in /run, by index', () => {
    put('/run/systemd/netif/links/2', 'ADMIN_STATE=configured\n');
    put('/run/systemd/netif/links/5', 'ADMIN_STATE=unmanaged\n');
    put('/run/NetworkManager/devices/5', '[device]\nmanaged=true\nconnection-uuid=1\n');
    assert.deepEqual([look().networkd?.manages, look().networkManager?.manages], [['eth0'], ['flannel.1']]);
  });

  it('the first .link file that matches decides about a MAC', () => {
    put('/usr/lib/systemd/network/99-default.link', '[Match]\nOriginalName=*\n[Link]\nMACAddressPolicy=persistent\n');
    assert.deepEqual(look().macPolicy['flannel.1'], '/usr/lib/systemd/network/99-default.link');
    put('/etc/systemd/network/20-card.link', '[Match]\nPath=pci-*\n[Link]\nMACAddressPolicy=none\n');
    assert.ok(look().macPolicy['flannel.1']);
    put(
      '/etc/systemd/network/50-flannel.link',
      '[Match]\nOriginalName=cali* flannel*\n[Link]\nMACAddressPolicy=none\n',
    );
    assert.equal(look().macPolicy['flannel.1'], undefined);
    assert.ok(look().macPolicy.eth0);
    put('/etc/systemd/network/99-default.link', '');
    assert.deepEqual(look().macPolicy, {});
  });
});
