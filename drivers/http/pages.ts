/** Owns the pages for programs: the status and the last report as JSON, and metrics. */
import type { IncomingMessage } from 'node:http';
import { renderJson } from '../../reconciler/report/json.ts';
import { VERSION } from '../../version.ts';
import { reportAnswer } from '../health/server.ts';
import { METRICS_TYPE, metricsText } from '../metrics/text.ts';
import { type Answer, JSON_TYPE, type Page } from './read-only.ts';
import type { StatusSource } from './source.ts';

const NO_STORE = { 'cache-control': 'no-store' };

export const json = (document: unknown): Answer => ({
  status: 200,
  body: `${JSON.stringify(document, null, 2)}\n`,
  type: JSON_TYPE,
  headers: NO_STORE,
});

export const jsonPages = (source: StatusSource): [string, Page][] => [
  ['/api/status', (_: IncomingMessage) => json(source.status())],
  [
    '/report',
    () => {
      const report = source.report();
      return { ...reportAnswer(report && renderJson(report)), headers: NO_STORE };
    },
  ],
];

/** Nothing (204) where no fleet is written. */
export async function fleetPage(source: StatusSource): Promise<Answer> {
  const document = await source.fleet();
  return document ? json(document) : { status: 204, body: '', headers: NO_STORE };
}

export async function metricsPage(source: StatusSource): Promise<Answer> {
  const daemon = { status: source.status(), counts: source.counts(), overruns: source.overruns() };
  const body = await metricsText({ version: VERSION, report: source.report(), daemon, now: Date.now() });
  return { status: 200, body, type: METRICS_TYPE, headers: NO_STORE };
}
