import { createWire } from '../../../engine/wire/create.ts';

/** A wire with one route and as many policies as asked for, none of which matches. Arguments: upstream port, policies. */
const [upstream = '0', policies = '0'] = process.argv.slice(2);
const wire = createWire();
const [route] = await wire.open([{ name: 'bench', protocol: 'http', listen: '127.0.0.1:0', upstream: `127.0.0.1:${upstream}` }]);
for (let i = 0; i < Number(policies); i++) {
  await wire.add({
    id: `p-${i}`, name: `p-${i}`, protocol: 'http', target: i % 2 === 0 ? `/api/v1/service${i}/orders` : `/api/v1/service${i}*`, route: '', seed: i,
    latencyChance: 1, latencyMs: 100, errorChance: 1, errorCode: 500, errorBody: '', dropConnection: false, matchHeaders: {}, throttleRate: 0,
  });
}
process.stdout.write(`${JSON.stringify({ port: Number(route?.listen.split(':')[1]) })}\n`);
process.stdin.resume().on('end', () => process.exit(0));
