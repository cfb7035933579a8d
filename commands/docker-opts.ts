/** Owns `selvage docker-opts`: what flannel's mk-docker-opts.sh writes, with its own flags and environment. */

export async function dockerOpts(argv: string[]): Promise<number> {
  const command = await import('../drivers/docker/opts-command.ts');
  return command.dockerOpts(argv, process.env);
}
