import { VIEWS } from './looks/screens.ts';
import { inspectAll } from './looks/play.ts';

inspectAll('the other views with data', VIEWS);
