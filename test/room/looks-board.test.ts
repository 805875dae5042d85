import { BOARD } from './looks/screens.ts';
import { inspectAll } from './looks/play.ts';

inspectAll('the board with data, and what lies over it', BOARD);
