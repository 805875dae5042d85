import type { Verdict } from '../effects.ts';
import { HeldBytes } from '../held-bytes.ts';
import {
  ERROR, FLAG, FRAME, HEAD, headerFrames, MAX_STREAM, putStream, rstStream, streamAt, windowUpdate,
} from './frame.ts';
import { FrameSession } from './frame-session.ts';
import { HeaderBlock } from './header-block.ts';
import { HeaderList } from './header-list.ts';
import { BLOCK } from './hpack-decoder.ts';
import { FATE, type Lane } from './lane.ts';
import { writeRefusal, writeUnreachable, type Written } from './refuse.ts';
import { RequestSubject } from './request-subject.ts';
import { SIDE, StreamIds } from './stream-ids.ts';
import { dataIn, renumber, type Waiting, type Withheld } from './withheld.ts';

/** Requests that get an answer of their own when the upstream cannot be reached. */
const MAX_EARLY = 1_000;

/** The fields of the request in question: one for all connections of the thread, because it is used at once. */
const fields = new HeaderList();
const block = new HeaderBlock();

/**
 * HTTP/2 on one client connection and its upstream connection. Frames pass as they came. Once a request was withheld, the
 * header blocks behind it are written anew without a table, since the upstream has not seen its additions to the table;
 * and once one was delayed, the streams behind it have other ids upstream, because ids only rise.
 */
export class Http2Session extends FrameSession {
  protected ids: StreamIds | undefined;
  readonly #subject = this.subjectOf(fields);
  /** The last stream that the upstream knows, by its id there. */
  #lastUpstream = 0;

  override frame(lane: Lane, bytes: Buffer, start: number, end: number): boolean {
    if (lane === this.up) return this.#fromClient(bytes, start, end);
    const passes = this.fromServer(bytes, start, end);
    if (passes) this.#followTable(bytes, start, end);
    return passes;
  }
  override begin(lane: Lane, bytes: Buffer, start: number): number {
    return lane === this.up ? this.clientData(bytes, start) : this.serverData(bytes, start);
  }
  override payload(lane: Lane, bytes: Buffer, from: number, to: number, _last: boolean): void {
    const waits = lane === this.up ? this.withheld.get(lane.stream)?.waits : undefined;
    if (waits !== undefined) this.withheld.append(waits, bytes, from, to);
  }

  // What other protocols on top of HTTP/2 do otherwise.

  protected subjectOf(list: HeaderList): RequestSubject {
    return new RequestSubject(list);
  }
  /** A request passes on this stream, by the ids of the client and the upstream; its fields were read when `list` is given. */
  protected begun(_stream: number, _list: HeaderList | undefined, _endStream: boolean): void {}
  /** Whether the fields of every request are needed. */
  protected get reads(): boolean {
    return false;
  }
  protected refusal({ refusal }: Extract<Verdict, { act: 'fail' }>, subject: RequestSubject, _endStream: boolean): Written {
    return writeRefusal(refusal, subject.list);
  }
  protected override unreachable(stream: number, text: string): void {
    this.answers.send(stream, writeUnreachable(text));
  }

  // From the client.

  #fromClient(bytes: Buffer, start: number, end: number): boolean {
    const { type, stream, flags } = this.up;
    switch (type) {
      case FRAME.headers:
        return stream > this.lastClient ? this.#request(bytes, start, end) : this.clientTrailers(bytes, start, end);
      case FRAME.settings:
        if ((flags & FLAG.ack) === 0) this.answers.settings(bytes, start + HEAD, end);
        return true;
      case FRAME.windowUpdate:
        return end - start < HEAD + 4 || (stream === 0 ? this.#connectionWindow(bytes, start) : this.clientFrame(bytes, start, end));
      case FRAME.rst:
        return this.clientReset(bytes, start, end);
      case FRAME.priority:
      case FRAME.priorityUpdate:
        // They name streams by their ids, and nobody may rely on them (RFC 9113, 5.3.2).
        return this.ids === undefined;
      default:
        return stream === 0 || this.clientFrame(bytes, start, end);
    }
  }

  /** A frame of a stream that means nothing but to its stream. */
  protected clientFrame(bytes: Buffer, start: number, end: number): boolean {
    const { stream, type } = this.up;
    const one = this.withheld.get(stream);
    if (one?.waits !== undefined) this.withheld.append(one.waits, bytes, start, end);
    else if (one !== undefined && type === FRAME.windowUpdate) this.answers.grantedOn(stream, streamAt(bytes, start + HEAD));
    return one === undefined && this.#rename(bytes, start);
  }
  /** Gives the frame the stream id that the upstream knows; false when it knows none. */
  #rename(bytes: Buffer, start: number): boolean {
    const { stream } = this.up;
    const known = this.ids === undefined ? stream : this.ids.toUpstream(stream);
    // A stream that was refused and forgotten: it must not be the first that the upstream hears of it.
    if ((known === 0 && stream !== 0) || (this.headers.diverged && known % 2 === 1 && known > this.#lastUpstream)) return false;
    if (known !== stream) putStream(bytes, start + 5, known);
    return true;
  }
  protected clientReset(bytes: Buffer, start: number, _end: number): boolean {
    const { stream } = this.up;
    const one = this.withheld.get(stream);
    this.ids?.end(stream, SIDE.both);
    if (one === undefined) return this.#rename(bytes, start);
    one.ended = true;
    if (one.waits === undefined) this.answers.forget(stream);
    else this.#abandon(one, one.waits);
    return false;
  }
  /** A request that waits goes nowhere any more. */
  #abandon(one: Withheld, waits: Waiting): void {
    this.withheld.remove(one);
    this.link.route.acts.cancel(waits.hold, waits.subject);
    const unseen = dataIn(waits.frames.peek(), waits.frames.length);
    if (unseen > 0) this.down.interject(windowUpdate(0, unseen));
  }
  #connectionWindow(bytes: Buffer, start: number): boolean {
    const grant = streamAt(bytes, start + HEAD);
    const rest = this.answers.granted(grant);
    if (rest !== grant) putStream(bytes, start + HEAD, rest);
    if (this.down.stalled) this.#unstall();
    // An increment of 0 is an error of the client, which the upstream may tell it about.
    return rest > 0 || grant === 0;
  }

  protected clientData(bytes: Buffer, start: number): number {
    const { up, withheld } = this;
    if (!this.headers.diverged) return FATE.pass;
    const one = withheld.get(up.stream);
    if (one?.waits !== undefined) {
      withheld.append(one.waits, bytes, start, start + HEAD);
      return FATE.take;
    }
    if (one === undefined && this.#rename(bytes, start)) {
      if (up.type === FRAME.data && (up.flags & FLAG.endStream) !== 0) this.ids?.end(up.stream, SIDE.client);
      return FATE.pass;
    }
    if (one !== undefined && up.type === FRAME.data && (up.flags & FLAG.endStream) !== 0) one.ended = true;
    // The client counts these bytes as taken by the upstream, which never sees them.
    if (up.type === FRAME.data && up.length > 0) {
      this.down.interject(windowUpdate(0, up.length));
      if (one?.reset === false && (up.flags & FLAG.endStream) === 0) this.down.interject(windowUpdate(up.stream, up.length));
    }
    return FATE.swallow;
  }

  #request(bytes: Buffer, start: number, end: number): boolean {
    const { up, link } = this;
    const { acts, effects, protocol, name, tap } = link.route;
    const { stream } = up;
    const endStream = (up.flags & FLAG.endStream) !== 0;
    this.lastClient = stream;
    acts.seen();
    if (this.unreached !== '') {
      this.unreachable(stream, this.unreached);
      this.leave();
      return false;
    }
    const judging = effects.gate(protocol, name);
    const wants = judging || this.headers.diverged || this.reads || tap.wantsPassing;
    const read = this.#read(bytes, start, end, wants);
    if (read === BLOCK.broken) return false;
    if (up.opaque) return true;
    if (read === BLOCK.tooLong && this.headers.diverged) {
      this.withheld.refuse(stream, true, endStream);
      this.down.interject(rstStream(stream, ERROR.calm));
      return false;
    }
    if (this.down.silent && this.early.length < MAX_EARLY) this.early.push(stream);
    const known = wants && read === BLOCK.ok;
    const verdict = judging && known ? this.#judge() : undefined;
    if (verdict !== undefined) {
      this.#impose(verdict, stream, endStream);
      return false;
    }
    if (known && tap.wantsPassing) acts.passed(this.#subject);
    this.faulted = false;
    this.begun(stream, known ? fields : undefined, endStream);
    if (!this.headers.diverged) {
      this.#lastUpstream = stream;
      return true;
    }
    up.put(this.#rewritten(stream, endStream));
    return false;
  }
  #judge(): Verdict | undefined {
    const { effects, protocol, name } = this.link.route;
    const field = this.#subject.nameField;
    const from = field < 0 ? 0 : (fields.at[field * 2 + 1] as number);
    const to = field < 0 ? 0 : (fields.at[field * 2 + 2] as number);
    return effects.judge(protocol, name, fields.bytes, from, to, this.#subject);
  }
  /** Reads the block of a frame to `fields`, or only follows it. What cannot be read any more is told by `lost`. */
  #read(bytes: Buffer, start: number, end: number, wanted: boolean): number {
    const read = this.headers.read(bytes, start, end, wanted ? fields : undefined);
    if (read !== BLOCK.broken) return read;
    return this.lost(this.up, 'a header block is not what it should be') ? BLOCK.ok : BLOCK.broken;
  }
  /** The request in `fields`, as a stream of its own upstream. */
  #rewritten(stream: number, endStream: boolean, list: HeaderList = fields): Buffer {
    const known = this.ids === undefined ? stream : this.ids.begin(stream);
    if (endStream) this.ids?.end(stream, SIDE.client);
    this.#lastUpstream = known;
    return headerFrames(known, this.headers.write(list), endStream);
  }

  #impose(verdict: Verdict, stream: number, endStream: boolean): void {
    const { acts } = this.link.route;
    this.faulted = true;
    this.headers.diverge();
    if (verdict.act === 'drop') {
      acts.dropped(verdict, this.#subject);
      this.link.reset();
    } else if (verdict.act === 'fail') {
      acts.failed(verdict, this.#subject);
      const answer = this.refusal(verdict, this.#subject, endStream);
      this.withheld.refuse(stream, answer.resets >= 0, endStream);
      this.answers.send(stream, answer);
    } else {
      this.ids ??= new StreamIds(this.#lastUpstream);
      const subject = this.#subject.kept();
      const hold = acts.delayed(verdict, subject, this.link, () => this.up.whenFree(() => this.#released(stream)));
      this.withheld.delay(stream, { subject, endStream, frames: new HeldBytes(), hold });
    }
  }
  #released(stream: number): void {
    const one = this.withheld.get(stream);
    if (one?.waits === undefined || this.over) return;
    if (this.unreached !== '') return this.leave();
    const { subject, endStream, frames } = one.waits;
    this.withheld.remove(one);
    this.begun(stream, subject.list, endStream);
    this.up.put(this.#rewritten(stream, endStream, subject.list));
    this.replay(stream, this.#lastUpstream, frames.take(), this.up.taking(stream));
    this.settled();
  }
  /** The frames that waited behind a request pass; the last of them is unfinished when its payload is still being taken. */
  protected replay(stream: number, known: number, frames: Buffer, taking: boolean): void {
    if (renumber(frames, known)) this.ids?.end(stream, SIDE.client);
    if (frames.length > 0) this.up.put(frames);
    if (taking) this.up.passRest();
  }
  protected clientTrailers(bytes: Buffer, start: number, end: number): boolean {
    const { stream, flags } = this.up;
    const read = this.#read(bytes, start, end, this.headers.diverged);
    if (read === BLOCK.broken) return false;
    if (!this.headers.diverged || this.up.opaque) return true;
    const one = this.withheld.get(stream);
    const ends = (flags & FLAG.endStream) !== 0;
    if (one?.waits !== undefined) {
      const frames = headerFrames(stream, this.headers.write(fields), ends);
      this.withheld.append(one.waits, frames, 0, frames.length);
    } else if (one === undefined) {
      const known = this.ids === undefined ? stream : this.ids.toUpstream(stream);
      if (known > 0 && known <= this.#lastUpstream) this.up.put(headerFrames(known, this.headers.write(fields), ends));
      if (ends) this.ids?.end(stream, SIDE.client);
    } else if (ends) one.ended = true;
    return false;
  }

  // From the upstream.

  protected fromServer(bytes: Buffer, start: number, end: number): boolean {
    const { down, ids } = this;
    if (this.early.length > 0) this.early = [];
    if (ids === undefined || down.stream === 0) return down.type !== FRAME.goaway || this.#goaway(bytes, start, end);
    const known = ids.toClient(down.stream);
    // Its header block is part of the client's table, wherever it belongs.
    if (known < 0 && (down.type === FRAME.headers || down.type === FRAME.push)) this.lost(down, 'an answer to a stream that ended long ago');
    if (known < 0) return false;
    if (known !== down.stream) putStream(bytes, start + 5, known);
    if (down.type === FRAME.rst) ids.end(known, SIDE.both);
    else if (down.type === FRAME.headers && (down.flags & FLAG.endStream) !== 0) ids.end(known, SIDE.upstream);
    return true;
  }
  protected serverData(bytes: Buffer, start: number): number {
    const { down, ids, answers } = this;
    if (down.type !== FRAME.data) return FATE.pass;
    if (answers.debt > 0 && down.length > answers.room) return FATE.stall;
    const known = ids === undefined ? down.stream : ids.toClient(down.stream);
    if (known < 0) {
      if (down.length > 0) this.up.interject(windowUpdate(0, down.length));
      return FATE.swallow;
    }
    answers.room -= down.length;
    if (known !== down.stream) putStream(bytes, start + 5, known);
    if ((down.flags & FLAG.endStream) !== 0) ids?.end(known, SIDE.upstream);
    return FATE.pass;
  }
  /** What a frame that passes says of the table of the client. */
  #followTable(bytes: Buffer, start: number, end: number): void {
    const { down, answers } = this;
    if (down.type === FRAME.settings && (down.flags & FLAG.ack) !== 0) answers.acknowledged();
    else if (answers.announces && (down.type === FRAME.headers || down.type === FRAME.push) && block.announces(bytes, start, end)) answers.announced();
  }
  #unstall(): void {
    this.down.resume();
    if (!this.down.stalled) this.link.drained();
  }
  #goaway(bytes: Buffer, start: number, end: number): boolean {
    const { ids, down } = this;
    const last = streamAt(bytes, start + HEAD);
    if (ids === undefined || last === MAX_STREAM || end - start < HEAD + 8) return true;
    const said = ids.goaway(last);
    putStream(bytes, start + HEAD, said.last);
    down.put(Buffer.from(bytes.subarray(start, end)));
    const refused = [...said.refused];
    for (const one of this.withheld) {
      // No stream can be begun any more.
      this.#abandon(one, one.waits);
      if (one.stream <= said.last) refused.push(one.stream);
    }
    for (const stream of refused) down.put(rstStream(stream, ERROR.refused));
    this.link.drained();
    return false;
  }
}
