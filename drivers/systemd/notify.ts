/**
 * Owns sd_notify(3): tells systemd that the daemon is ready or stopping (`Type=notify`, as flanneld's units have it).
 * Node has no unix datagram sockets, so libc's are called; any failure is ignored, as the manual page asks.
 */
import koffi from 'koffi';

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;

/** Sends e.g. "READY=1" to $NOTIFY_SOCKET; does nothing when that isn't set. */
export function notifySystemd(state: string, address = process.env.NOTIFY_SOCKET): boolean {
  if (!address || !/^[/@]/.test(address)) return false;
  try {
    const libc = koffi.load(null);
    const socket = libc.func('int socket(int domain, int type, int protocol)');
    // ssize_t, which koffi has no name for.
    const sendto = libc.func(
      'intptr_t sendto(int fd, const void *data, size_t size, int flags, const void *address, uint32_t length)',
    );
    const close = libc.func('int close(int fd)');
    const fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return false;
    const name = Buffer.from(address.startsWith('@') ? `\0${address.slice(1)}` : address);
    const family = Buffer.alloc(2);
    family.writeUInt16LE(AF_UNIX);
    const target = Buffer.concat([family, name]);
    const message = Buffer.from(state);
    const sent = sendto(fd, message, message.length, 0, target, target.length);
    close(fd);
    return sent === message.length;
  } catch {
    return false;
  }
}
