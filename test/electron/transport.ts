import type { MessagePortMain } from 'electron';
import { electronPort } from '../../electron/port.ts';
import { serve } from '../../engine/transport/dispatch.ts';
import { type Transport, World, testApi } from '../conformance/fixture.ts';
import { MessageChannelMain } from './stand-in/ipc.ts';

/** The desktop window's transport, its two ends in one process. */
export const electronTransport: Transport = {
  name: 'Electron message port',
  join: async (limits) => {
    const world = new World();
    const { port1, port2 } = new MessageChannelMain() as unknown as Record<'port1' | 'port2', MessagePortMain>;
    const far = electronPort(port1);
    const serving = serve(testApi, world.handlers, far, limits);
    return { world, port: electronPort(port2), far, [Symbol.asyncDispose]: async () => serving[Symbol.dispose]() };
  },
};
