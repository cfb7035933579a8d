/** Owns the numbers and offsets of the kernel's structures that the data path uses; the same on x86-64 and arm64 (both little-endian, 64-bit). */

/** struct virtio_net_hdr (linux/virtio_net.h): before each packet that a TUN gives or takes with IFF_VNET_HDR. Little-endian. */
export const VNET = {
  size: 10,
  flags: 0,
  gsoType: 1,
  headerLength: 2,
  gsoSize: 4,
  checksumStart: 6,
  checksumOffset: 8,
} as const;
export const VNET_NEEDS_CSUM = 1;
export const VNET_DATA_VALID = 2;
export const GSO_NONE = 0;
export const GSO_TCPV4 = 1;
export const GSO_UDP_L4 = 5;
/** May be or-ed to GSO_TCPV4: the first segment alone carries CWR. */
export const GSO_ECN = 0x80;

/** struct iovec: pointer, length. */
export const IOVEC = 16;
/** struct msghdr (64-bit). */
export const MSG = {
  name: 0,
  nameLength: 8,
  iov: 16,
  iovLength: 24,
  control: 32,
  controlLength: 40,
  flags: 48,
  size: 56,
} as const;
/** struct mmsghdr: a msghdr and how many bytes went. */
export const MMSG = { length: 56, size: 64 } as const;
/** struct cmsghdr: u64 length, i32 level, i32 type, data. */
export const CMSG = { level: 8, type: 12, data: 16 } as const;
export const SOCKADDR_IN = 16;
export const AF_INET = 2;

export const SOL_UDP = 17;
export const UDP_SEGMENT = 103;
export const UDP_GRO = 104;
export const MSG_DONTWAIT = 0x40;
export const MSG_TRUNC = 0x20;

/** Offsets in an IPv4 header (RFC 791) and what stands there. */
export const IP = {
  tos: 1,
  length: 2,
  id: 4,
  fragment: 6,
  ttl: 8,
  protocol: 9,
  checksum: 10,
  source: 12,
  destination: 16,
  size: 20,
} as const;
export const IP_DF = 0x4000;
/** More fragments, and the offset. */
export const IP_FRAGMENT = 0x3fff;
export const ICMP = 1;
export const TCP = 6;
export const UDP = 17;

/** Offsets in a TCP header (RFC 9293). */
export const TCPH = { seq: 4, ack: 8, offset: 12, flags: 13, window: 14, checksum: 16, urgent: 18, size: 20 } as const;
export const FIN = 1;
export const PSH = 8;
export const ACK = 16;
export const CWR = 128;
/** Offsets in a UDP header (RFC 768). */
export const UDPH = { length: 4, checksum: 6, size: 8 } as const;

/** Segments of one UDP_SEGMENT message: UDP_MAX_SEGMENTS of kernels before 6.9 (linux/udp.h). */
export const MAX_SEGMENTS = 64;
/** Payload of the longest UDP datagram over IPv4, in bytes: 65,535 − 20 − 8. */
export const MAX_DATAGRAM = 65_507;
export const MAX_PACKET = 65_535;
