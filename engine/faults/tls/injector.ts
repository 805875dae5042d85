import { type Injector } from '../../kernel/fault.ts';
import { wireInjector, type WireInjectorDeps, type WireUndo } from '../../wire/injector.ts';
import { TLS_SCOPE } from '../../wire/tls/greet.ts';
import { tlsManifest, type TlsParams } from './manifest.ts';

const WORDS = {
  one: 'handshake',
  many: 'handshakes',
  failure: { figure: 'wrong certificates', done: 'shown the wrong certificate' },
};

/** Puts the policy into the wire, where new connections of routes that terminate TLS ask for it. */
export function tlsInjector(deps: WireInjectorDeps): Injector<TlsParams, WireUndo> {
  return wireInjector<TlsParams>(deps, {
    protocol: 'tcp',
    manifest: tlsManifest,
    words: () => WORDS,
    policy: ({ certificate }) => ({ type: 'tls', scope: TLS_SCOPE, extra: { certificate } }),
    on: {
      takes: ({ terminateTls }) => terminateTls === true,
      called: 'TLS-terminating route',
      remedy: 'add terminate_tls: true to the route of the file',
    },
    hint: () => '; only new connections shake hands, those that are open stay as they are',
  });
}
