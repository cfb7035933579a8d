/** Owns a browser for tests of the page: Debian's Chromium, driven by playwright-core, which brings none of its own. */
import { existsSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type Browser, chromium, type Page } from 'playwright-core';
import { httpServer } from '../../drivers/http/server.ts';
import type { StatusSource } from '../../drivers/http/source.ts';

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser'];

export function startBrowser(): Promise<Browser> {
  const executablePath = CHROMIUM.find((path) => existsSync(path));
  if (!executablePath) throw new Error('the tests of the page need Chromium: apt-get install chromium');
  // Root has no sandbox of Chromium's; what it shows is ours alone.
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'], timeout: 120_000 });
}

export interface ServedPage {
  url: string;
  close(): void;
}

/** Serves `source` as a daemon with --http does, on a port of its own. */
export async function servePage(source: StatusSource): Promise<ServedPage> {
  const take = httpServer(source, '127.0.0.1');
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    take(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

export interface Visit {
  page: Page;
  /** What the browser complained of: errors of the script, things refused by the policy. */
  complaints: string[];
}

export async function visit(
  browser: Browser,
  url: string,
  { width = 1280, theme = 'light' as 'light' | 'dark' } = {},
): Promise<Visit> {
  const context = await browser.newContext({
    viewport: { width, height: 900 },
    colorScheme: theme,
    reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith('data:'))
      complaints.push(`asked for ${request.url()}`);
  });
  await page.goto(url);
  await page.locator('#live.on').waitFor();
  return { page, complaints };
}
