import { type Injector } from '../../kernel/fault.ts';
import { isConnectTarget, takesAllSql } from '../../kernel/sql-target.ts';
import { wireInjector, type WireInjectorDeps, type WireUndo } from '../../wire/injector.ts';
import { CONNECT_SCOPE } from '../../wire/sql/judge.ts';
import { sqlManifest, type SqlParams } from './manifest.ts';

const WORDS = { one: 'statement', many: 'statements' };

/** Puts the policy into the wire, reads its counters as proof, and takes it out again. */
export function sqlInjector(deps: WireInjectorDeps): Injector<SqlParams, WireUndo> {
  return wireInjector<SqlParams>(deps, {
    protocol: 'sql',
    manifest: sqlManifest,
    words: () => WORDS,
    policy: ({ sqlstate }, target) => ({ extra: { sqlstate, code: sqlstate }, scope: isConnectTarget(target) ? CONNECT_SCOPE : '' }),
    hint: (_params, target) => hintOf(target),
  });
}

function hintOf(target: string): string {
  if (isConnectTarget(target)) return '; it means clients that connect, and those that pool connections seldom do';
  return takesAllSql(target) ? '' : '; within transactions nothing fails, and what does not match passes';
}
