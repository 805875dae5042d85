import { realClock } from '../../engine/kernel/clock.ts';

/** Does one thing over and over, without which many a fault could not bite; `said` is what came of it last. */
export function again<Said>(act: () => Promise<Said>): { said(): Said | undefined } & AsyncDisposable {
  let said: Said | undefined;
  let over = false;
  const loop = async (): Promise<void> => {
    while (!over) {
      said = await act();
      await realClock.sleep(20);
    }
  };
  const ended = loop();
  return {
    said: () => said,
    [Symbol.asyncDispose]: async () => {
      over = true;
      await ended;
    },
  };
}
