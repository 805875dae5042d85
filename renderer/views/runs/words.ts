import { type Verdict } from '../../../engine/contract/models.ts';
import { type Tone } from '../../ui/controls.tsx';

export const VERDICT_TONES: Readonly<Record<Verdict, Tone>> = {
  held: 'ok',
  refuted: 'bad',
  aborted: 'warn',
  inconclusive: 'neutral',
  failed: 'bad',
};
