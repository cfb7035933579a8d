import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import koffi from 'koffi';
import { notifySystemd } from '../../../../drivers/systemd/notify.ts';

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const MSG_DONTWAIT = 0x40;

const unique = (): string => `selvage-notify-${process.pid}-${randomBytes(4).toString('hex')}`;

/** Binds a datagram socket as systemd does; returns what reads the next message, or "" if there is none. */
function listen(t: TestContext, address: string): () => string {
  const libc = koffi.load(null);
  const socket = libc.func('int socket(int domain, int type, int protocol)');
  const bind = libc.func('int bind(int fd, const void *address, uint32_t length)');
  const recv = libc.func('intptr_t recv(int fd, _Out_ void *data, size_t size, int flags)');
  const close = libc.func('int close(int fd)');
  const fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  t.after(() => {
    close(fd);
    if (!address.startsWith('@')) rmSync(address, { force: true });
  });
  const name = Buffer.from(address.startsWith('@') ? `\0${address.slice(1)}` : address);
  const target = Buffer.concat([Buffer.from(new Uint16Array([AF_UNIX]).buffer), name]);
  assert.equal(bind(fd, target, target.length), 0);
  return () => {
    const data = Buffer.alloc(256);
    const size = Number(recv(fd, data, data.length, MSG_DONTWAIT));
    return size < 0 ? '' : data.subarray(0, size).toString();
  };
}

describe('sd_notify', () => {
  for (const [name, address] of [
    ['a path', join(tmpdir(), unique())],
    ['an abstract name', `@${unique()}`],
  ] as const) {
    it(`tells whoever listens at ${name}, to the byte`, (t) => {
      const read = listen(t, address);
      assert.equal(notifySystemd('READY=1', address), true);
      assert.equal(notifySystemd('STOPPING=1', address), true);
      assert.deepEqual([read(), read(), read()], ['READY=1', 'STOPPING=1', '']);
    });
  }

  it('reads the address from the environment', (t) => {
    const address = `@${unique()}`;
    const read = listen(t, address);
    const before = process.env.NOTIFY_SOCKET;
    t.after(() => {
      if (before === undefined) delete process.env.NOTIFY_SOCKET;
      else process.env.NOTIFY_SOCKET = before;
    });
    process.env.NOTIFY_SOCKET = address;
    assert.equal(notifySystemd('READY=1'), true);
    assert.equal(read(), 'READY=1');
  });

  it('is nothing without systemd, and never a failure', () => {
    for (const address of ['', 'vsock:2:1234', join(tmpdir(), unique()), `@${unique()}`, `/${'x'.repeat(300)}`])
      assert.equal(notifySystemd('READY=1', address), false, address.slice(0, 40));
  });

  it('leaves no socket open', () => {
    const open = (): number => readdirSync('/proc/self/fd').length;
    const before = open();
    for (let i = 0; i < 20; i++) notifySystemd('READY=1', `@${unique()}`);
    assert.equal(open(), before);
  });
});
