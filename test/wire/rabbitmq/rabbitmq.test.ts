import assert from 'node:assert/strict';
import { after, afterEach, before, describe } from 'node:test';
import { noRabbitmq } from '../../lab/rabbitmq.ts';
import { failures } from './failures.ts';
import { losses } from './losses.ts';
import { passing } from './passing.ts';
import { storm } from './storm.ts';
import { RabbitStage } from './stage.ts';

/** One broker for all of it: it takes seconds to start. */
describe('rabbitmq', { timeout: 300_000, skip: noRabbitmq() }, () => {
  let stage: RabbitStage;
  before(async () => {
    stage = await RabbitStage.start();
  });
  after(async () => {
    await stage[Symbol.asyncDispose]();
    assert.deepEqual(stage.errors, []);
  });
  afterEach(() => stage.clear());

  describe('passing', () => passing(() => stage));
  describe('losses', () => losses(() => stage));
  describe('failures', () => failures(() => stage));
  describe('storm', () => storm(() => stage));
});
