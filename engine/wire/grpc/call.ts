import { HeaderList } from '../http2/header-list.ts';
import { CallSide } from './call-side.ts';
import { CallSubject } from './call-subject.ts';

/** Calls that are over and kept for the next ones, in each thread. */
const KEPT = 64;
const idle: Call[] = [];

/** One call: a stream, what it asked for, and its messages in both directions. */
export class Call {
  stream = 0;
  readonly subject = new CallSubject(new HeaderList());
  readonly toServer = new CallSide(this, false);
  readonly toClient = new CallSide(this, true);
  /** Its answer has begun. */
  answered = false;
  /** A fault has ended it; what still comes goes nowhere. */
  failed = false;
  /** Its number among the calls of its method, once somebody asks; -1 before. */
  ordinal = -1;

  static begin(stream: number, list: HeaderList): Call {
    const call = idle.pop() ?? new Call();
    call.stream = stream;
    call.subject.list.copyFrom(list);
    call.answered = call.failed = false;
    call.ordinal = -1;
    call.toServer.reset();
    call.toClient.reset();
    return call;
  }
  /** Nobody may use it any more. */
  end(): void {
    if (idle.length < KEPT) idle.push(this);
  }
}
