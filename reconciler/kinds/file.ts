/** Owns what a file is: one whose whole content is ours (`subnet.env`), or somebody else's with a few values of ours in it (`edit`). */
import { hasDockerOptions, withDockerOptions } from '../../config/two-in-one.ts';
import { type ChangeOf, type Command, fed, quoted } from './command.ts';
import { SAME } from './fields.ts';
import { type Judge, type KindRules, type Owner, plainFields, thereAlready, USUAL } from './kind.ts';

export interface FileResource {
  kind: 'file';
  path: string;
  content: string;
  /** Permission bits, e.g. 0o644. An existing file keeps its own (as flannel does), so not compared. */
  mode: number;
  /** The flag that names it, for sentences; default --subnet-file. */
  flag?: string;
  edit?: FileEdit;
  /** Other texts that are as good: those of who else writes it. */
  orElse?: readonly string[];
  /** Docker's options may stand in it too (config/two-in-one.ts): then their lines stay. */
  shared?: boolean;
}

/** What is changed in somebody else's file (daemon.json). */
export interface FileEdit {
  /** The text that `content` was made from, undefined: there was no file. If it is another by now, nothing is written. */
  of: string | undefined;
  /** What a report shows instead of the text, which may have secrets: the values that change, undefined for one that is not there. */
  want: Record<string, unknown>;
  have: Record<string, unknown>;
}

const name = ({ path }: FileResource): string => `file ${path}`;

export const fileKind: KindRules<FileResource> = {
  ...USUAL,
  kind: 'file',
  isUnderLink: false,
  isPeers: false,
  key: ({ path }) => path,
  device: () => undefined,
  differs,
  mustRecreate: () => false,
  ownerOf,
  standsOn: () => [],
  goesThrough: () => undefined,
  rangeOf: () => undefined,
  text: ({ path }) => path,
  commands: fileCommands,
  textOfKey: (key) => key,
  name,
  describe: name,
  inTheWay: (have) => thereAlready(name(have)),
  remark,
  fields: (file) => (file.edit ? file.edit.want : plainFields(file)),
};

function differs(want: FileResource, have: FileResource): readonly string[] {
  for (const content of [want.content, ...(want.orElse ?? [])]) {
    if (have.content === content) return SAME;
    if (want.shared && have.content === withDockerOptions(content, have.content)) return SAME;
  }
  return want.edit ? Object.keys(want.edit.want) : ['content'];
}

/** Nothing is wrong, but the one who wrote it thought otherwise. */
function remark({ path, shared }: FileResource, have: FileResource): { why: string; detail: string } | undefined {
  if (!shared || !hasDockerOptions(have.content)) return undefined;
  const detail = `${path} also has Docker's options, because mk-docker-opts.sh was told to write them there (-d ${path}); both sets of lines are kept and follow the lease, and nothing needs to be done, but a file of its own for Docker (-d /run/flannel/docker_opts.env) is clearer.`;
  return { why: 'two files in one', detail };
}

/** Docker's files are written where that is wanted, never cleaned up. */
function ownerOf({ path }: FileResource, judge: Judge): Owner {
  if (path === judge.subnetFile) return 'ours';
  return judge.isWanted(`file ${path}`) ? 'learned' : 'foreign';
}

/** As a person would, with what drivers/files/ promises: mode and owner stay, and nothing of somebody else's is lost. */
function fileCommands(change: ChangeOf<FileResource>): Command[] {
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
