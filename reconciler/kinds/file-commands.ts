/** Owns how a file is written by a person, with what drivers/files/ promises: its mode and owner stay, and nothing of somebody else's is lost. */
import { withDockerOptions } from '../../config/two-in-one.ts';
import { type ChangeOf, type Command, fed, quoted } from './command.ts';
import type { FileResource } from './file.ts';

export function fileCommands(change: ChangeOf<FileResource>): Command[] {
  switch (change.op) {
    case 'create':
      return [
        fed(`install -D -m ${octal(change.want.mode)} /dev/stdin ${quoted(change.want.path)}`, change.want.content),
      ];
    case 'delete':
      return [{ tool: 'sh', text: `rm -f ${quoted(change.have.path)}` }];
    case 'update':
      return written(change.want, change.have);
  }
}

function written(want: FileResource, have: FileResource): Command[] {
  const path = quoted(want.path);
  const content = want.shared ? withDockerOptions(want.content, have.content) : want.content;
  return [
    ...kept(want, have),
    fed(
      `install -m "$(stat -c %a ${path})" -o "$(stat -c %u ${path})" -g "$(stat -c %g ${path})" /dev/stdin ${path}`,
      content,
    ),
  ];
}

/** What was there and is not made again by anybody; that of an edited file only as long as it is the one that was edited. */
function kept({ path, edit }: FileResource, have: FileResource): Command[] {
  const keep = (name: string): string => `cp -p ${quoted(path)} ${quoted(`${path}.${name}`)}`;
  if (edit) return [fed(`cmp -s - ${quoted(path)}`, edit.of ?? ''), { tool: 'sh', text: keep('selvage-previous') }];
  const isFlannels =
    have.content.trim() === '' || /^FLANNEL_|^\w*DOCKER_OPT_|^\w+=".*--(?:bip|mtu)=/m.test(have.content);
  return isFlannels ? [] : [{ tool: 'sh', text: keep('selvage-saved') }];
}

const octal = (mode: number): string => (mode & 0o7777).toString(8).padStart(4, '0');
