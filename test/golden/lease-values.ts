/** Values of leases as flannel 0.28.9 reads them, and the exact text that it writes: read tolerantly, written to the byte. */

/** Values that are taken, with the address in them. */
export const ACCEPTED: readonly { value: string; publicIP: string }[] = [
  { value: '{"PublicIP":"1.2.3.4"}', publicIP: '1.2.3.4' },
  { value: '{"publicip":"1.2.3.4","BACKENDTYPE":"vxlan"}', publicIP: '1.2.3.4' },
  { value: '{}', publicIP: '0.0.0.0' },
  { value: 'null', publicIP: '0.0.0.0' },
  { value: '{"PublicIP":"1.2.3.4","BackendData":null}', publicIP: '1.2.3.4' },
  { value: '{"PublicIP":"1.2.3.4","PublicIPv6":null,"Extra":1}', publicIP: '1.2.3.4' },
  { value: '{"PublicIP":"1.2.3.4","BackendData":"x"}', publicIP: '1.2.3.4' },
];

/** Values that are refused, as they are by flannel, with what selvage says of their PublicIP. */
export const REFUSED: readonly { value: string; selvageSays: string }[] = [
  { value: '{"PublicIP":null}', selvageSays: 'PublicIP is null, but must be an IPv4 address in quotes.' },
  { value: '{"PublicIP":""}', selvageSays: 'PublicIP is "", but must be an IPv4 address in quotes.' },
  { value: '{"PublicIP":"::1"}', selvageSays: 'PublicIP is "::1", but must be an IPv4 address in quotes.' },
  { value: '{"PublicIP":1}', selvageSays: 'PublicIP is 1, but must be an IPv4 address in quotes.' },
];

/** Through etcd's v3 API. */
export const WRITTEN: readonly string[] = [
  '{"PublicIP":"192.168.64.3","PublicIPv6":null,"BackendType":"host-gw"}',
  '{"PublicIP":"192.168.64.3","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"}}',
  '{"PublicIP":"192.168.64.3","PublicIPv6":null}',
];

/** Through etcd's v2 API, by flannel 0.11, which knows no IPv6. */
export const WRITTEN_V2: readonly string[] = [
  '{"PublicIP":"192.168.64.3","BackendType":"vxlan","BackendData":{"VtepMAC":"82:4b:b6:2f:54:4e"}}',
];
