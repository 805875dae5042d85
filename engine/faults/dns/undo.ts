import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { z } from 'zod';
import { type Clock } from '../../kernel/clock.ts';
import { FirebreakError } from '../../kernel/errors.ts';
import { isOwnGroup, removeGroup } from '../../host/control-groups.ts';
import { endResolver, DNS_ROLE } from '../../host/dns-resolver.ts';
import { hasRules, removeRules } from '../../host/dns-rules.ts';
import { findHeld } from '../../host/held.ts';
import { processIdentity } from '../../host/identity.ts';
import { findNamespace } from '../../host/net-namespace.ts';
import { priorConf, restoreConf, stateOfConf } from '../../host/resolv-conf.ts';

/** A process that is moved into a control group of its own, so that a rule can tell it from the others. */
const moved = processIdentity.extend({
  name: z.string(),
  folder: z.string().refine(isOwnGroup, 'expected a control group of Firebreak'),
});

/** By the token all of it is found again; the rest says where, and who. */
export const dnsUndo = z.object({
  token: z.string().regex(/^[0-9a-f]{8,}$/),
  namespace: z.object({ path: z.string(), inode: z.int() }),
  /** The servers whose questions are led away. */
  servers: z.array(z.string()).min(1),
  scope: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('all') }),
    z.object({ kind: z.literal('user'), uid: z.int() }),
    /** Control groups that are there already, as folders. */
    z.object({ kind: z.literal('groups'), folders: z.array(z.string()).min(1) }),
    z.object({ kind: z.literal('moved'), processes: z.array(moved).min(1) }),
  ]),
  /** The file in which the resolver is named where no rules can lead to it; null with rules. */
  conf: priorConf.nullable(),
});
export type DnsUndo = z.infer<typeof dnsUndo>;

const ownFolders = ({ scope }: DnsUndo): readonly string[] => (scope.kind === 'moved' ? scope.processes.map(({ folder }) => folder) : []);

/** How long the kernel may take to remove a table whose owner has ended, milliseconds. */
const GONE_WITHIN = 3_000;

/**
 * Puts back the file, ends the resolver, with which its rules go, and moves back who was moved.
 * @throws FirebreakError `residue`, `changed-meanwhile`
 */
export async function revertDns(undo: DnsUndo, clock: Clock): Promise<void> {
  try {
    // First the way to it, and then the resolver.
    if (undo.conf !== null) restoreConf(undo.conf, undo.token);
  } finally {
    await endResolver(undo.token, clock);
  }
  const namespace = undo.conf === null ? findNamespace(undo.namespace) : undefined;
  if (namespace !== undefined) {
    for (const end = clock.now() + GONE_WITHIN; await hasRules(namespace, undo.token); await clock.sleep(20)) {
      if (clock.now() < end) continue;
      await removeRules(namespace, undo.token);
      throw new FirebreakError('residue', 'the rules of this fault outlived the process that owned them');
    }
  }
  for (const folder of ownFolders(undo)) await removeGroup(folder, clock);
}

/** What of this fault is in the world. A namespace that is gone took its rules along. */
export async function describeDns(undo: DnsUndo): Promise<string> {
  const namespace = undo.conf === null ? findNamespace(undo.namespace) : undefined;
  const rules = namespace !== undefined && (await hasRules(namespace, undo.token));
  const resolvers = findHeld(DNS_ROLE, undo.token).length;
  const groups = ownFolders(undo).filter((folder) => existsSync(folder)).map((folder) => basename(folder));
  const way = undo.conf === null ? `rules ${rules ? 'there' : 'none'}` : `${undo.conf.path} ${stateOfConf(undo.conf, undo.token)}`;
  return `of the fault ${undo.token}: ${way}, resolvers ${resolvers}, control groups ${groups.join(', ') || 'none'}`;
}
