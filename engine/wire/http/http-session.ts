import { PrefaceSession } from '../http2/by-preface.ts';
import { Http2Session } from '../http2/session.ts';
import { InOrderSession } from '../in-order.ts';
import type { SessionFactory } from '../session.ts';
import { http1 } from './http1.ts';

/** HTTP in the version that the client speaks first. */
export const httpSession: SessionFactory = (link) =>
  new PrefaceSession(link, (same) => new Http2Session(same), (same) => new InOrderSession(same, http1));
