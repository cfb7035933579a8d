/** How a tired person reads it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { doctorDocument } from '../../../../reconciler/doctor/document.ts';
import { renderDoctor } from '../../../../reconciler/doctor/render.ts';
import { doctorSchema } from '../../../../reconciler/doctor/schema.ts';
import { PLAIN_LOOK } from '../../../../reconciler/report/draw.ts';
import { factsOf, heldOf, lookWith } from '../../../helpers/facts.ts';

const documentOf = (...args: Parameters<typeof factsOf>) => doctorDocument(factsOf(...args), 'web1', 3);

describe('the answer of doctor', () => {
  it('has a line for each check, and a sentence, a cure and where to read on for what is wrong', () => {
    const text = renderDoctor(
      documentOf({ look: lookWith({ held: [heldOf('sysctl', 'forwarding is off')] }) }),
      'table',
    );
    assert.match(text, /^store\n√ etcd can be heard\n/);
    assert.match(
      text,
      /\n× this host forwards packets\n {4}forwarding is off: said of it\.\n {4}see docs\/troubleshooting\.md#forwarding\n/,
    );
    assert.match(text, /\nSomething is wrong: \d+ √, 0 ‼, 1 ×, 0 –\. 1 of 2 peers were asked\. It took 3ms\.\n$/);
  });

  it('fits 80 columns, and tells a cure of several findings once', () => {
    const { devices } = factsOf();
    const text = renderDoctor(
      documentOf({
        devices: [{ ...devices[0]!, otherHost: 1 }, ...devices.slice(1)],
        learnedMtus: new Map([['192.0.2.2', 1400]]),
      }),
      'table',
    );
    assert.match(text, /\n {4}→ Set Backend\.MTU/);
    assert.ok(
      text.split('\n').every((line) => line.length <= 80),
      text,
    );
  });

  it('of many alike it tells four, unless all are asked for', () => {
    const held = Array.from({ length: 9 }, (_, i) => heldOf('peer', 'no address', { key: `10.5.${i}.0/24` }));
    const document = documentOf({ look: lookWith({ held }) });
    assert.match(renderDoctor(document, 'table'), /… and 5 more \(--all\)/);
    assert.doesNotMatch(renderDoctor(document, 'table', { ...PLAIN_LOOK, all: true }), /… and/);
  });

  it('a name from etcd ends no line and starts no markup', () => {
    const detail = 'a\u001b[31m<img src=x>\n# title';
    const document = documentOf({ look: lookWith({ held: [heldOf('peer', 'no address', { detail })] }) });
    assert.doesNotMatch(renderDoctor(document, 'table'), /^# title/m);
    assert.doesNotMatch(renderDoctor(document, 'markdown'), /^# title|[^\\]<img/m);
    for (const format of ['table', 'markdown'] as const) assert.ok(!renderDoctor(document, format).includes('\u001b'));
  });

  it('as JSON is as its schema says', () => {
    for (const document of [documentOf(), documentOf({ look: undefined, failure: { what: 'store', sentence: 'No.' } })])
      assert.equal(doctorSchema.safeParse(JSON.parse(renderDoctor(document, 'json'))).error, undefined);
  });
});
