import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { inspect } from '../engine/host/containers.ts';
import { containerFacts } from '../engine/host/container-facts.ts';
import { type DockerLab, noDocker, startDocker } from './lab/docker.ts';
import { runTemplate, type Service } from './support/template.ts';

/** The template for containers, on a real engine; its containers are not reached over the network, which is a namespace of its own. */
describe('the template for containers', { skip: noDocker, timeout: 300_000 }, () => {
  let lab: DockerLab;
  const ids: string[] = [];
  before(async () => {
    lab = await startDocker();
    const labels = { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'payments' };
    for (const name of ['payments-1', 'payments-2']) ids.push(await lab.run(name, { labels, host: { RestartPolicy: { Name: 'always' } } }));
    process.env['DOCKER_HOST'] = `unix://${lab.socket}`;
  });
  after(async () => {
    delete process.env['DOCKER_HOST'];
    await lab[Symbol.asyncDispose]();
  });

  /** Served by whichever container answers: one is enough for a service that tries the next, not for one that does not. */
  const service = (enough: number) => async (): Promise<Service> => ({
    serve: async () => {
      const now = await Promise.all(ids.map((id) => inspect(lab.api, id)));
      if (now.filter((one) => one?.State.Running === true && !one.State.Paused).length < enough) throw new Error('nobody answers');
    },
    [Symbol.asyncDispose]: async () => {},
  });

  for (const [enough, verdict] of [[1, 'held'], [2, 'refuted']] as const) {
    test(`own-container-pause: a service that needs ${enough} of 2 is ${verdict}`, async () => {
      const edits = [[/ {2}abort: .*\n/, '']] as const;
      const outcome = await runTemplate({ file: 'own-container-pause.yaml', edits, service: service(enough) });
      assert.equal(outcome.verdict, verdict, outcome.reason);
      const [fault] = outcome.faults;
      assert.match(fault?.target ?? '', /^container payments-[12]$/);
      assert.deepEqual(fault?.effect.figures.map(({ name, requested, delivered }) => [name, requested, delivered]), [['containers paused', 1, 1]]);
      for (const id of ids) assert.equal((await inspect(lab.api, id))?.State.Paused, false);
    });
  }

  test('with action: kill the log tells how long the supervisor took', async () => {
    const edits = [[/ {2}abort: .*\n/, ''], ['action: pause', 'action: kill']] as const;
    const outcome = await runTemplate({ file: 'own-container-pause.yaml', edits, service: service(1) });
    const effect = outcome.faults[0]?.effect;
    assert.match(effect?.detail ?? '', /supervisor recovery \d+ ms/, JSON.stringify(outcome));
    assert.ok((effect?.figures.find(({ name }) => name === 'supervisor recovery')?.delivered ?? 0) > 0);
  });

  test('doctor has asked the engine', async () => {
    const facts = await containerFacts();
    assert.match(facts.find(({ name }) => name === 'treat containers')?.detail ?? '', /^Docker, API 1\.\d+, at \/.* \(DOCKER_HOST\); 2 run$/);
    assert.deepEqual(facts.map(({ available }) => available), [true, true]);
  });
});
