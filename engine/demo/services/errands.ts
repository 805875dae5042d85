import { ERRANDS, isErrand } from '../errands/errands.ts';
import { Runner, wordsOf } from '../errands/errand.ts';
import { type Handlers, type Reply, runService } from './service.ts';

/**
 * Runs small jobs over the other protocols: GET /redis, /sql and so on, for each part of the demo that is there; GET /all
 * runs one of each. GET /state tells how they have gone.
 */
runService('errands', ({ parts }) => {
  const runners = Object.entries(parts).flatMap(([name, address]): [string, Runner][] =>
    isErrand(name) ? [[name, new Runner(() => ERRANDS[name].open(address))]] : [],
  );
  const attempt = async (runner: Runner): Promise<Reply> => {
    try {
      return { status: 200, body: await runner.run() };
    } catch (error) {
      return { status: 502, body: { error: wordsOf(error) } };
    }
  };
  const handlers: Record<string, Handlers[string]> = {
    'GET /all': async () => {
      const replies = await Promise.all(runners.map(async ([name, runner]) => [name, await attempt(runner)] as const));
      const status = replies.every(([, reply]) => reply.status === 200) ? 200 : 502;
      return { status, body: Object.fromEntries(replies.map(([name, { body }]) => [name, body])) };
    },
    'GET /state': () => ({
      status: 200,
      body: Object.fromEntries(runners.map(([name, { tally, told }]) => [name, { ...tally, ...told }])),
    }),
  };
  for (const [name, runner] of runners) handlers[`GET /${name}`] = () => attempt(runner);
  return handlers;
});
