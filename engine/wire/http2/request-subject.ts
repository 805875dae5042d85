import { contextOf, sentBy } from '../baggage.ts';
import { blotField, blotText } from '../blot.ts';
import type { Condition, Described, Facts, Subject } from '../subject.ts';
import { HeaderList } from './header-list.ts';

/** Most characters of a head, a target and an id that are shown. */
const HEAD_LENGTH = 2_048;
const ID_LENGTH = 128;

/** A request by its decoded fields. */
export class RequestSubject implements Subject {
  list: HeaderList;

  constructor(list: HeaderList) {
    this.list = list;
  }
  /** One that keeps its fields. */
  kept(): this {
    return new (this.constructor as new (list: HeaderList) => this)(new HeaderList().copyFrom(this.list));
  }
  /** The field that policies match: the path, or for a CONNECT without one its authority (RFC 9113, 8.5). */
  get nameField(): number {
    const path = this.list.find(':path');
    return path < 0 ? this.list.find(':authority') : path;
  }
  carries(wanted: readonly Condition[]): boolean {
    return this.list.carries(wanted);
  }
  facts(): Facts {
    const { list } = this;
    const target = list.valueOf(this.nameField);
    const query = target.indexOf('?');
    const headers: Record<string, string> = {};
    for (let i = 0; i < list.count; i++) {
      const name = list.nameOf(i);
      if (!name.startsWith(':')) headers[name] = joined(headers, name, list.valueOf(i));
    }
    const host = list.get(':authority');
    if (host !== undefined && !Object.hasOwn(headers, 'host')) headers['host'] = host;
    const request = {
      method: list.get(':method') ?? '',
      path: query < 0 ? target : target.slice(0, query),
      query: query < 0 ? '' : target.slice(query + 1),
      headers,
    };
    return { request, ...contextOf((name) => (Object.hasOwn(headers, name) ? headers[name] : undefined)) };
  }
  describe(): Described {
    const { list } = this;
    const method = list.get(':method') ?? '';
    const target = list.valueOf(this.nameField);
    let head = blotText(`${method} ${target} HTTP/2`);
    for (let i = 0; i < list.count && head.length < HEAD_LENGTH; i++) {
      const name = list.nameOf(i);
      if (name !== ':method' && name !== ':path') head += `\r\n${blotField(`${name.replace(/^:/, '')}: ${list.valueOf(i)}`)}`;
    }
    return {
      method,
      target: blotText(target.split(/[?#]/, 1)[0] as string).slice(0, HEAD_LENGTH),
      ...sentBy(list.get('traceparent') ?? ''),
      requestId: (list.get('x-request-id') ?? '').slice(0, ID_LENGTH),
      head: head.slice(0, HEAD_LENGTH),
    };
  }
}

/** Several fields of one name are one list (RFC 9110, 5.3), those of cookies one text (RFC 9113, 8.2.3). */
function joined(headers: Readonly<Record<string, string>>, name: string, value: string): string {
  if (!Object.hasOwn(headers, name)) return value;
  return `${headers[name]}${name === 'cookie' ? '; ' : ', '}${value}`;
}
