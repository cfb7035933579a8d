/** Owns the address that --http names: "127.0.0.1:9472", "[::1]:9472". A name would have to be resolved, and an empty one would mean everywhere. */
import { isIP } from 'node:net';

export interface HttpAddress {
  ip: string;
  port: number;
}

export const HTTP_RIGHT = 'an IP address and a port, such as 127.0.0.1:9472 or [::1]:9472';

/** undefined if it is none. */
export function parseHttpAddress(text: string): HttpAddress | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(text) ?? [];
  const ip = bracketed ?? plain ?? '';
  const port = Number(digits);
  const family = bracketed === undefined ? 4 : 6;
  return isIP(ip) === family && port >= 1 && port <= 65_535 ? { ip, port } : undefined;
}

/** Whether only this host can connect there. */
export const isLoopback = (ip: string): boolean => ip.startsWith('127.') || /^(?:0*:)+0*1$/.test(ip);

export const httpUrl = ({ ip, port }: HttpAddress): string => `http://${ip.includes(':') ? `[${ip}]` : ip}:${port}/`;
