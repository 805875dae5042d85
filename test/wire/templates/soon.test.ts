import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { loadText } from '../../../engine/policy/load.ts';
import { compileSnapshot } from '../../../engine/policy/snapshot.ts';
import { DECISION, decide } from '../../../engine/policy/decide.ts';
import { wirePolicy } from '../../support/policy.ts';

/** A fault that has struck nobody for so long makes a run inconclusive (`verifyWithin` of the manifests), in milliseconds. */
const PATIENCE = 10_000;
const folder = join(import.meta.dirname, '../../../assets/experiments');
const SPEAKING = ['http', 'grpc', 'sql', 'redis', 'mongo', 'kafka', 'rabbitmq'];

describe('a service that sends one message for each poll of the probe meets every fault of a template in time', () => {
  for (const name of readdirSync(folder)) {
    const text = readFileSync(join(folder, name), 'utf8');
    const loaded = text.startsWith('# A template') ? loadText(text, name) : undefined;
    if (loaded?.ok !== true) continue;
    const { policies, experiment, seed } = loaded.file;
    const polls = PATIENCE / (experiment?.steadyState[0]?.probe.every ?? PATIENCE);
    for (const { name: policy, type, target, route, params } of policies.filter(({ type }) => SPEAKING.includes(type))) {
      it(`${name}: ${policy}`, () => {
        const { latencyDuration = 0, latencyChance = 0, errorChance = 0, everyNth = 0, nth = 0 } = params as Readonly<Record<string, number>>;
        const [compiled] = compileSnapshot([
          wirePolicy({ name: policy, protocol: type as never, target, route, seed: seed ?? 42, latencyMs: latencyDuration, latencyChance, errorChance, everyNth, nth }),
        ]).policies;
        assert.ok(compiled);
        const first = Array.from({ length: polls }, (_, index) => decide(compiled, index)).findIndex((decision) => decision !== DECISION.none);
        assert.ok(first >= 0, `none of ${polls} messages is struck`);
        assert.ok((first + 1) * (PATIENCE / polls) + latencyDuration < PATIENCE, `message ${first} is struck, and is late for ${latencyDuration} ms`);
      });
    }
  }
});
