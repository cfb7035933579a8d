import assert from 'node:assert/strict';
import { test } from 'node:test';
import { controlSocketPath, isControlSocket } from '../../../config/control-socket.ts';

test('each network has a control socket of its own, and whoever keeps files elsewhere has it there', () => {
  const subnet = '/run/flannel/subnet.env';
  assert.equal(controlSocketPath('', '/coreos.com/network', subnet), '/run/selvage/control.sock');
  assert.equal(controlSocketPath('', '/docker/net', subnet), '/run/selvage/control-docker-net.sock');
  assert.equal(controlSocketPath('', '/coreos.com/network', '/tmp/lab/subnet.env'), '/tmp/lab/control.sock');
  assert.equal(controlSocketPath('/x/y', '/a', subnet), '/x/y');
  assert.equal(controlSocketPath('none', '/a', subnet), undefined);
  const long = controlSocketPath('', `/${'a'.repeat(300)}/end`, subnet) ?? '';
  assert.ok(long.length <= 107 && long.endsWith('-end.sock'), long);
  assert.deepEqual(['/run/selvage/control-b.sock', '/run/selvage/daemon.lock'].map(isControlSocket), [true, false]);
});
