import { protocol as protocolName } from '../../../engine/contract/models.ts';
import { createWire } from '../../../engine/wire/create.ts';
import { wirePolicy } from '../../support/policy.ts';

/** A wire with one route and as many policies as asked for, none of which matches. Arguments: upstream port, policies, protocol. */
const [upstream = '0', policies = '0', name = 'http'] = process.argv.slice(2);
const protocol = protocolName.parse(name);
const wire = createWire();
const [route] = await wire.open([{ name: 'bench', protocol, listen: '127.0.0.1:0', upstream: `127.0.0.1:${upstream}` }]);
for (let i = 0; i < Number(policies); i++) {
  const { target, scope = '' } = aimOf(i);
  await wire.add(wirePolicy({ id: `p-${i}`, name: `p-${i}`, protocol, target, scope, seed: i, latencyChance: 1, latencyMs: 100, errorChance: 1, errorCode: 500 }));
}
process.stdout.write(`${JSON.stringify({ port: Number(route?.listen.split(':')[1]) })}\n`);
process.stdin.resume().on('end', () => process.exit(0));

/** In the terms of the protocol, and as its fault gives them to the wire. */
function aimOf(i: number): { readonly target: string; readonly scope?: string } {
  const even = i % 2 === 0;
  switch (protocol) {
    case 'redis':
      return { target: `${even ? 'get' : 'set'}:other:${i}*` };
    case 'http':
      return { target: `/api/v1/service${i}${even ? '/orders' : '*'}` };
    case 'grpc':
      return even ? { target: `/other.Service${i}/Call` } : { target: `/other.Service${i}/*`, scope: 'message' };
    case 'kafka':
      return even ? { target: `orders-${i}` } : { target: `payments-${i}*`, scope: 'record' };
    case 'sql':
      return { target: even ? `INSERT INTO orders_${i}` : `^(UPDATE|DELETE FROM) table_${i}.* WHERE` };
    default:
      return { target: `nothing${i}` };
  }
}
