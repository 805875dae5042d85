import { useEffect, useState } from 'react';
import { useConnection } from '../../stores/connection.ts';
import { type Series, extendSeries, parseExposition, parseSelector, perSecond, select } from './exposition.ts';

export interface Asked {
  readonly url: string;
  readonly query: string;
  readonly pastMs: number;
  readonly stepMs: number;
}
export interface Answer {
  /** Undefined until the first has come. */
  readonly series: readonly Series[] | undefined;
  /** Why the newest question was not answered; the last answer stays. */
  readonly error: unknown;
  readonly at: number;
}
const NONE: Answer = { series: undefined, error: undefined, at: 0 };

/** Asks each step: the Prometheus server at `url`, or without one this engine's own metrics, whose past begins now. */
export function useSeries({ url, query, pastMs, stepMs }: Asked): Answer {
  const client = useConnection((state) => state.client);
  const [answer, setAnswer] = useState<Answer>(NONE);
  useEffect(() => setAnswer(NONE), [url, query]);
  useEffect(() => {
    if (client === null) return;
    const ended = new AbortController();
    const { signal } = ended;
    let raw: Series[] = [];
    const ask = async (): Promise<readonly Series[]> => {
      if (url !== '') return client.query('series', { url, query, pastMs, stepMs }, signal);
      const selector = parseSelector(query);
      if (selector === undefined)
        throw new Error(
          'Without a server only a name can be asked for, such as chaos_requests_total{route="payments"}. Set the address of a Prometheus server for more.',
        );
      const all = parseExposition(await client.query('metrics', {}, signal));
      const found = select(all, selector);
      if (found.length === 0 && !all.some(({ name }) => name === selector.name)) {
        throw new Error(
          `The engine has no metric ${selector.name} now. It has ${[...new Set(all.map(({ name }) => name))].join(', ')}.`,
        );
      }
      raw = extendSeries(raw, found, Date.now(), pastMs);
      return selector.name.endsWith('_total') ? raw.map(perSecond) : raw;
    };
    let timer: ReturnType<typeof setTimeout> | undefined;
    const round = async (): Promise<void> => {
      try {
        const series = await ask();
        if (!signal.aborted) setAnswer({ series, error: undefined, at: Date.now() });
      } catch (error) {
        if (!signal.aborted) setAnswer((before) => ({ ...before, error }));
      }
      // After the answer, so that a slow server is asked no faster than it answers.
      if (!signal.aborted) timer = setTimeout(() => void round(), stepMs);
    };
    void round();
    return () => {
      ended.abort();
      clearTimeout(timer);
    };
  }, [client, url, query, pastMs, stepMs]);
  return answer;
}
