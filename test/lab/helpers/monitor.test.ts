/** What the demo and the benchmarks measure with. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { EtcdWriter } from '../../helpers/etcd-writer.ts';
import { createLab } from '../../helpers/lab.ts';
import { KernelMonitor } from '../../helpers/monitor.ts';
import { createNetns } from '../../helpers/netns.ts';

it('hears every change from the first on, with its time', async () => {
  const ns = await createNetns('monitor');
  try {
    const monitor = await KernelMonitor.start(ns);
    const before = performance.timeOrigin + performance.now();
    await ns.ip('link', 'add', 'br9', 'type', 'bridge');
    const made = await monitor.next((text) => /^\[LINK\].*br9/.test(text), { what: 'the new bridge' });
    const after = performance.timeOrigin + performance.now();
    // Not a measurement: the time is read as UTC and with its fraction, or it would be off by far more.
    assert.ok(made.at > before - 1000 && made.at < after + 1000, `${before} ${made.at} ${after}`);
    const mark = monitor.mark();
    await ns.ip('link', 'del', 'br9');
    const gone = await monitor.next((text) => /^\[LINK\]Deleted .*br9/.test(text), { from: mark });
    assert.ok(gone.at > made.at);
    await monitor.stop();
  } finally {
    await ns.destroy();
  }
});

it('writes to an etcd in a namespace and tells when', async () => {
  const lab = await createLab({ hosts: 0, config: null });
  try {
    const writer = await EtcdWriter.start(lab.underlay, lab.etcd.endpoint);
    const put = await writer.put('/a', '{"quoted":"é"}');
    assert.ok(put.doneAt > put.sentAt);
    assert.equal(await lab.get('/a'), '{"quoted":"é"}');
    await writer.delete('/a');
    assert.equal(await lab.get('/a'), '');
    await assert.rejects(writer.put('', 'x'), /etcd did not take it/);
    await writer.stop();
  } finally {
    await lab.destroy();
  }
});
