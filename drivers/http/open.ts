/**
 * Owns the door to all that answers those who ask a running daemon, and to metrics: a bundle of its own (packaging/build-http.mjs), which is
 * loaded with the first who asks, so that nobody else pays for it.
 */
export { writeMetricsFile } from '../metrics/file.ts';
export { controlServer } from './control.ts';
export { httpServer } from './server.ts';
