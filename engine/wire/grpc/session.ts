import type { Verdict } from '../effects.ts';
import { PrefaceSession } from '../http2/by-preface.ts';
import type { HeaderList } from '../http2/header-list.ts';
import type { RequestSubject } from '../http2/request-subject.ts';
import { Http2Session } from '../http2/session.ts';
import { PassingSession, type SessionFactory } from '../session.ts';
import { CallSubject } from './call-subject.ts';
import { trailersOnly, UNAVAILABLE } from './status.ts';

export class GrpcSession extends Http2Session {
  protected override subjectOf(list: HeaderList): RequestSubject {
    return new CallSubject(list);
  }
  protected override refuse(verdict: Extract<Verdict, { act: 'fail' }>, stream: number, _subject: RequestSubject, endStream: boolean): void {
    this.answers.send(stream, trailersOnly(verdict.refusal, endStream));
  }
  protected override unreachable(stream: number, text: string): void {
    this.answers.send(stream, trailersOnly({ code: UNAVAILABLE, body: Buffer.from(text) }, true));
  }
}

/** gRPC is HTTP/2 and nothing else (PROTOCOL-HTTP2.md). */
export const grpcSession: SessionFactory = (link) =>
  new PrefaceSession(link, (same) => new GrpcSession(same), (same) => {
    same.notUnderstood('the client does not begin as HTTP/2 does: it may use TLS, or gRPC-Web');
    return new PassingSession(same);
  });
