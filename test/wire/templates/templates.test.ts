import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type RunOutcome } from '../../../engine/contract/api.ts';
import { kafkaMissing } from '../../lab/kafka.ts';
import { noMariaDb } from '../../lab/mariadb.ts';
import { mongoMissing } from '../../lab/mongo.ts';
import { noPostgres } from '../../lab/postgres.ts';
import { noRabbitmq } from '../../lab/rabbitmq.ts';
import { missing } from '../../lab/server.ts';
import { runTemplate } from '../../support/template.ts';
import { kafka, rabbitmq } from './brokers.ts';
import { grpc, tcp, tls } from './callers.ts';
import { type Case, type Noticing } from './parts.ts';
import { mariaDb, mongo, postgres, redis } from './stores.ts';

/** So many strikes that half or twice as many cannot be chance. */
const ENOUGH = 30;
/** Every policy of the file did what it says, and was taken back. */
function bit({ faults }: RunOutcome): void {
  for (const { policy, effect, reverted } of faults) {
    assert.ok(effect.bitten && reverted, `${policy}: ${effect.detail}`);
    for (const { name, unit, requested, delivered, samples } of effect.figures) {
      assert.ok(delivered !== null && delivered > 0, `${policy}: ${name}`);
      // Where there were enough to tell.
      if (unit !== 'ratio' || requested === null || requested * samples < ENOUGH) continue;
      assert.ok(delivered > requested / 2 && delivered < requested * 2, `${policy}: ${name} ${delivered} instead of ${requested}`);
    }
  }
}

const CASES: readonly (readonly [name: string, file: string, skip: string | false, start: () => Promise<Case>])[] = [
  ['kafka-gaps', 'kafka-gaps', kafkaMissing('kcat'), kafka],
  ['rabbitmq-losses', 'rabbitmq-losses', noRabbitmq(), rabbitmq],
  ['sql-deadlocks on PostgreSQL', 'sql-deadlocks', noPostgres, postgres],
  ['sql-deadlocks on MariaDB', 'sql-deadlocks', noMariaDb, mariaDb],
  ['mongo-stepdown', 'mongo-stepdown', mongoMissing(), mongo],
  ['redis-misses', 'redis-misses', missing('redis-server'), redis],
  ['tcp-bad-network', 'tcp-bad-network', missing('redis-server'), tcp],
  ['grpc-unavailable', 'grpc-unavailable', false, grpc],
  ['tls-expired', 'tls-expired', false, tls],
];

describe('the templates of the library, as a reader would fill them in', { concurrency: 4, timeout: 300_000 }, () => {
  for (const [name, file, skip, start] of CASES) {
    it(name, { skip }, async () => {
      await using world = await start();
      const { upstream, edits = [], durationMs = 4_000 } = world;
      const run = async (careful: boolean): Promise<RunOutcome> => {
        let mine: Noticing | undefined;
        let noticed = {};
        const service = async (listen: string, ca: string) => (mine = await world.service(careful)(listen, ca));
        const outcome = await runTemplate({ file: `${file}.yaml`, upstream, edits, durationMs, service }, async (listen, ca) => {
          noticed = { ...mine?.noticed };
          // Who was there notices nothing any more, nor does who comes now.
          await using late = await world.service(false)(listen, ca);
          for (const one of [mine, late]) for (let n = 0; n < 5; n++) await one?.serve();
          assert.deepEqual([mine?.noticed, late.noticed], [noticed, {}]);
        });
        bit(outcome);
        if (careful) await world.learnt(noticed, outcome);
        return outcome;
      };
      const careful = await run(true);
      assert.equal(careful.verdict, 'held', careful.reason);
      const careless = await run(false);
      assert.ok(['refuted', 'aborted'].includes(careless.verdict ?? ''), `${careless.verdict}: ${careless.reason}`);
    });
  }
});
