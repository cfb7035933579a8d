/** Owns a TCP proxy in front of a server: cuts all its connections, or takes the next ones and never says a word. */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export class TcpProxy {
  /** Connections that were taken so far. */
  taken = 0;
  /** Connections that stand now. */
  open = 0;
  /** Connections are taken and nothing is passed on. */
  mute = false;
  /** Of the server behind, for the next connections. */
  port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(port: number) {
    this.port = port;
    this.#server = createServer((client) => {
      this.taken++;
      this.open++;
      client.on('close', () => this.open--);
      this.#add(client);
      if (this.mute) return;
      const upstream = connect(this.port, '127.0.0.1');
      this.#add(upstream);
      client.pipe(upstream).pipe(client);
    });
  }

  static async inFrontOf(port: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(port);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  #add(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#sockets.delete(socket));
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
