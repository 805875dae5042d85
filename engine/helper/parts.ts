import { type Clock } from '../kernel/clock.ts';
import { type Injector } from '../kernel/fault.ts';
import { type Lease } from '../lifecycle/models.ts';
import { type Journal } from '../store/journal.ts';
import { type ProcessMark } from '../store/journal-record.ts';

/** What the helper is made of. */
export interface HelperParts {
  readonly version: string;
  readonly self: ProcessMark;
  readonly journal: Journal;
  readonly injectors: Readonly<Record<string, Injector>>;
  readonly clock: Clock;
  /** Its own watchdog, which reverts from its journal should it die. */
  readonly lease: Pick<Lease, 'ready'>;
  readonly log: (text: string) => void;
}
