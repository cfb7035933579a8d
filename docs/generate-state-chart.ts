/** Writes docs/state-chart.md from the machine itself. */
import type { AnyStateNode, AnyTransitionDefinition } from 'xstate';
import { agentMachine } from '../states/machine.ts';
import { generated } from './pages/generated.ts';

const nameOf = (node: AnyStateNode): string => node.path.join('_');

/** What makes a transition happen, for a person: an event, a delay, the end or the failure of what the state does. */
function label(transition: AnyTransitionDefinition): string {
  const type = transition.eventType;
  const guard =
    typeof transition.guard === 'string' ? ` [${transition.guard}]` : transition.guard ? ' [by its result]' : '';
  if (type === '') return `at once${guard}`;
  if (type.startsWith('xstate.done.actor')) return `done${guard}`;
  if (type.startsWith('xstate.error.actor')) return `failed${guard}`;
  const after = /^xstate\.after\.([A-Za-z]+)\./.exec(type);
  return after ? `after ${after[1]}${guard}` : `${type}${guard}`;
}

function transitionsOf(node: AnyStateNode): AnyTransitionDefinition[] {
  return [...[...node.transitions.values()].flat(), ...(node.always ?? [])];
}

function draw(node: AnyStateNode, indent: string, lines: string[]): void {
  const children = Object.values(node.states);
  if (node.initial) lines.push(`${indent}[*] --> ${nameOf(node.initial.target[0]!)}`);
  for (const child of children) {
    const inner = Object.values(child.states);
    if (inner.length) {
      lines.push(`${indent}state "${child.key}" as ${nameOf(child)} {`);
      draw(child, `${indent}  `, lines);
      lines.push(`${indent}}`);
    } else {
      lines.push(`${indent}state "${child.key}" as ${nameOf(child)}`);
    }
  }
  for (const child of children) {
    for (const transition of transitionsOf(child)) {
      for (const target of transition.target ?? []) {
        lines.push(`${indent}${nameOf(child)} --> ${nameOf(target)}: ${label(transition)}`);
      }
    }
    if (child.type === 'final') lines.push(`${indent}${nameOf(child)} --> [*]`);
  }
}

function render(): string {
  const parts = [
    '# The state chart',
    '',
    '<!-- Made by docs/generate-state-chart.ts from states/machine.ts; do not edit. -->',
    '',
    'Three regions run side by side. `EDGE` is handled at the root in every state (it widens what is dirty), and so is `STOP`.',
    'Delays double with each failure and are jittered. What each region does is in `states/store-follower.ts`, `lease-keeper.ts` and `work.ts`.',
    '',
  ];
  for (const region of Object.values(agentMachine.root.states)) {
    const lines: string[] = [];
    draw(region, '  ', lines);
    parts.push(
      `## ${region.key}`,
      '',
      region.description ?? '',
      '',
      '```mermaid',
      'stateDiagram-v2',
      ...lines,
      '```',
      '',
    );
    const described = all(region).filter((node) => node.description && node !== region);
    parts.push('| state | what it is |', '|---|---|');
    for (const node of described) parts.push(`| ${node.key} | ${node.description} |`);
    parts.push('');
  }
  return parts.join('\n');
}

function all(node: AnyStateNode): AnyStateNode[] {
  return [node, ...Object.values(node.states).flatMap(all)];
}

generated('docs/state-chart.md', render(), 'states/machine.ts');
