// Runs before everything else (node --require), in the JavaScript of the oldest Node that a distribution still has: those that follow
// are written for Node 20, of which an older one understands not even the first line.
'use strict';
if (parseInt(process.versions.node, 10) < 20) {
  process.stderr.write(
    'selvage: Node 20 or newer is needed, and this is ' +
      process.version +
      '. Debian 13 has one (apt-get install nodejs npm); for Debian 12 and Ubuntu up to 24.04, whose own is older, ' +
      "it comes from NodeSource's packages (https://github.com/nodesource/distributions) or from https://nodejs.org/en/download.\n"
  );
  process.exit(1);
}
