import { type Capability } from '../contract/models.ts';
import { type Clock } from '../kernel/clock.ts';
import { type Injector } from '../kernel/fault.ts';
import { type Lease, type Workshop } from '../lifecycle/models.ts';
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
  /** For the crash tests: called, synchronously, as each boundary of a fault's life is reached here. */
  readonly boundary?: Workshop['boundary'];
  /** What root can do on this machine, tried now. */
  readonly capabilities: () => Promise<readonly Capability[]>;
  readonly log: (text: string) => void;
}
