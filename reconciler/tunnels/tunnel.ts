/**
 * Owns the contract of a tunnel: all that is asked about one type of tunnel device, whoever asks (ownership, the plan, sentences, drivers).
 *
 * - Everything here is a pure function of a device's name and attributes. Which of them a host should have is its backend's to say.
 * - A new type is a new file with such a value and two lines in index.ts: one in the list, one in the union.
 */

export interface TunnelRules<T extends { readonly type: string }> {
  /** rtnetlink's IFLA_INFO_KIND. */
  readonly type: T['type'];
  /** The backend that makes such devices, as a config names it. */
  readonly backend: string;
  /** Attributes that are compared, in the order in which a report names them. */
  readonly fields: readonly (keyof T & string)[];
  /** The fields that can't be changed in place: then the device is made anew. */
  readonly fixed: readonly (keyof T & string)[];
  /** The fields by which one device of a name is told from another. */
  readonly knownBy: readonly (keyof T & string)[];
  /** Whether the kernel may refuse ours for somebody else's of this type: then all of them have to be known. */
  readonly canClash: boolean;
  /** Whether it has forwarding entries of its own (AF_BRIDGE, NTF_SELF), MAC → underlay address. */
  readonly hasFdb: boolean;
  /**
   * Whether flannel's device of this type bears no trace of ours and has the whole network routed through it: then one that is left is known
   * by its only address, a /32 of the network, together with that route.
   */
  readonly knownByRoute: boolean;

  /** Whether the device lives by an engine of ours behind it: flanneld makes its own only once that has gone. Left out: no. */
  readonly livesByEngine?: true;

  /** Whether flannel and selvage give such names to devices of this type, so that one is told of whatever it is. */
  isNamed(name: string): boolean;
  /** Whether a device of these attributes has the very name that goes with them: only then can it be ours. */
  isForm(name: string, tunnel: T | undefined): boolean;
  /**
   * Whether a device without a mark is ours by what it is, where its address doesn't tell: another program's has such a one too. Left out:
   * its address tells.
   */
  isOursUnmarked?(tunnel: T | undefined): boolean;
  /** As the kernel will have it, which puts its own value where a want leaves one open. */
  asMade(want: T): T;
  /** Of two devices that the kernel takes only one of, why not, and what a person does about it; undefined if they get along. */
  clash(want: T, have: T, holder: { name: string; up: boolean }): string | undefined;
  /** The UDP port that it receives on, at an address or (as "") at all of the host's. Left out: none. */
  listens?(want: T): { port: number; address: string };

  /** "an ipip device" */
  what(tunnel: T | undefined): string;
  /** What to do where two networks want one device on a host. */
  readonly apart: string;
  /** As `ip -d link` prints what makes it: "ipip remote any local 192.0.2.1 dev eth0". */
  text(tunnel: T): string;
  /** What `ip link add … type TYPE`, or `ip link set`, is given for these attributes; those that are absent stay as they are. */
  arguments(attributes: Partial<T>): string[];
  /** What stands there, for a sentence: "ipip local 192.0.2.1 dev eth0". */
  describe(tunnel: T): string;
}
