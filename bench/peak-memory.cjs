/**
 * Preloaded (node -r) into a run whose peak memory is wanted: writes VmHWM, in kB, to the file SELVAGE_BENCH_PEAK at its exit.
 * Not getrusage: its maximum is inherited over fork and exec, and so would be that of the benchmark.
 */
'use strict';
const { readFileSync, writeFileSync } = require('node:fs');
const file = process.env.SELVAGE_BENCH_PEAK;
delete process.env.SELVAGE_BENCH_PEAK;
process.once('exit', () => writeFileSync(file, /^VmHWM:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))[1]));
