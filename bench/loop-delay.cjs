/**
 * Preloaded (node -r) into a daemon: at SIGUSR2 it writes for how many ms its event loop was blocked at most since the last time, to the file
 * SELVAGE_BENCH_DELAY.
 */
'use strict';
const { renameSync, writeFileSync } = require('node:fs');
const { monitorEventLoopDelay } = require('node:perf_hooks');
const file = process.env.SELVAGE_BENCH_DELAY;
delete process.env.SELVAGE_BENCH_DELAY;
delete process.env.NODE_OPTIONS;
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
process.on('SIGUSR2', () => {
  writeFileSync(`${file}.new`, String(delay.max / 1e6));
  renameSync(`${file}.new`, file);
  delay.reset();
});
