import { STATES } from './looks/screens.ts';
import { inspectAll } from './looks/play.ts';

inspectAll('what is empty, loading or wrong', STATES);
