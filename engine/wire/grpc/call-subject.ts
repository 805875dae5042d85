import type { Described, Facts } from '../subject.ts';
import { RequestSubject } from '../http2/request-subject.ts';

/** A call by the fields of its request: `/package.Service/Method` is its path. */
export class CallSubject extends RequestSubject {
  override facts(): Facts {
    const [service, method] = this.#names();
    return { ...super.facts(), grpc: { service, method } };
  }
  override describe(): Described {
    return { ...super.describe(), method: this.#names()[1] };
  }
  #names(): readonly [string, string] {
    const [, service = '', method = ''] = this.list.valueOf(this.nameField).split('/');
    return [service, method];
  }
}
