import { messageOf } from '../../kernel/errors.ts';
import { appendQueueRules } from '../nft-rule.ts';
import { PacketQueue } from '../packet-queue.ts';
import { capture } from '../spawn.ts';

/** Whether a program can decide over packets: host/net-capabilities.ts runs this in a network namespace of its own, which goes with it. */
try {
  using queue = new PacketQueue({ whole: false, most: 1 });
  capture('nft', ['add table inet firebreak_trial; add chain inet firebreak_trial strike']);
  appendQueueRules('firebreak_trial', ['strike'], queue.number);
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
}
