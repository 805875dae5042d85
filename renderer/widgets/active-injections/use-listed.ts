import { useEffect, useRef, useState } from 'react';
import { type FaultReport } from '../../../engine/contract/models.ts';
import { useConnection } from '../../stores/connection.ts';
import { onEvent } from '../../stores/events.ts';
import { useFrames } from '../../stores/frames.ts';
import { type Listed, linger } from './linger.ts';

/** The faults to list, drawn anew only when something about them has changed. */
export function useListed(): readonly Listed[] {
  const [listed, setListed] = useState<readonly Listed[]>([]);
  const text = useRef('[]');
  useEffect(() => {
    const told = new Map<string, FaultReport>();
    let list: readonly Listed[] = [];
    let engine = useConnection.getState().engine;
    const see = (): void => {
      const { frame } = useFrames.getState();
      if (frame === null) return;
      const { engine: now } = useConnection.getState();
      // Another engine: the last word of the one that ended is not how things are. What it left is told as open records.
      if (now !== engine) {
        engine = now;
        list = [];
        told.clear();
      }
      list = linger(list, frame.faults, told, frame.at);
      const listedIds = new Set(list.map(({ fault }) => fault.id));
      for (const id of told.keys()) if (!listedIds.has(id)) told.delete(id);
      const next = JSON.stringify(list);
      if (next === text.current) return;
      text.current = next;
      setListed(list);
    };
    const events = onEvent(({ body }) => {
      // Only what is listed: the log tells of thousands.
      if (body.kind === 'fault' && list.some(({ fault }) => fault.id === body.fault.id))
        told.set(body.fault.id, body.fault);
    });
    const leave = useFrames.subscribe(see);
    see();
    return () => {
      events[Symbol.dispose]();
      leave();
    };
  }, []);
  return listed;
}
