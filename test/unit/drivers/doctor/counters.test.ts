import assert from 'node:assert/strict';
import { it } from 'node:test';
import { parseCounters, readCounters } from '../../../../drivers/doctor/counters.ts';

it("the kernel's counters are read by group and name", () => {
  const text =
    'Ip: Forwarding InAddrErrors\nIp: 1 3\nUdp: InCsumErrors\nUdp: 0\nTcpExt: IPReversePathFilter\nTcpExt: 12\n';
  assert.deepEqual(parseCounters(text), {
    'Ip.Forwarding': 1,
    'Ip.InAddrErrors': 3,
    'Udp.InCsumErrors': 0,
    'TcpExt.IPReversePathFilter': 12,
  });
  assert.deepEqual(parseCounters(''), {});
});

it('and this kernel has those that the checks go by', () => {
  const counters = readCounters();
  for (const name of [
    'Udp.InCsumErrors',
    'Ip.InAddrErrors',
    'TcpExt.IPReversePathFilter',
    'Icmp.InDestUnreachs',
    'Ip.FragFails',
  ])
    assert.ok(Number.isInteger(counters[name]), name);
});
