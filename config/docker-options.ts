/** Owns what is said about Docker on the command line, as options. */

import type { Variables } from './docker-opts.ts';
import type { FlagValues } from './flags.ts';

export interface DockerOptions {
  mode: 'off' | 'report' | 'opts' | 'daemon-json';
  /** "unix:///var/run/docker.sock" or "tcp://HOST:PORT". */
  host: string;
  bridge: string;
  daemonJson: string;
  opts: {
    file: string;
    key: string;
    /** Only the variable `key`, and none of the single options. */
    combined: boolean;
    /** What mk-docker-opts.sh would include of its environment. */
    variables: Variables;
  };
  restart: {
    policy: 'never' | 'idle' | 'always';
    command: string;
    /** A cron expression, unchecked. */
    window?: { begins: string; durationMs: number };
    holdoffMs: number;
  };
}

export function dockerOptionsOf(values: FlagValues, env: Variables): DockerOptions {
  const key = values['docker-opts-key'];
  const begins = values['docker-restart-window'];
  return {
    mode: values.docker,
    host: values['docker-host'],
    bridge: values['docker-bridge'],
    daemonJson: values['docker-daemon-json'],
    opts: {
      file: values['docker-opts-file'],
      key,
      combined: values['docker-opts-combined'],
      variables: Object.fromEntries(
        Object.entries(env).filter(([name]) => name === key || name.includes('DOCKER_OPT_')),
      ),
    },
    restart: {
      policy: values['docker-restart'],
      command: values['docker-restart-command'],
      ...(begins === '' ? {} : { window: { begins, durationMs: values['docker-restart-window-duration'] } }),
      holdoffMs: values['docker-restart-holdoff'],
    },
  };
}
