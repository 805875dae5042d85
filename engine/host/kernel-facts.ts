import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Capability } from '../contract/models.ts';
import { noBpf } from './bpf.ts';
import { noTrace } from './call-errors.ts';
import { noTracing } from './call-tracer.ts';
import { readText } from './cgroups.ts';
import { controlTrees, noUnifiedTree, usableFreezer } from './control-groups.ts';
import { fileMeans, noFanotify } from './fanotify.ts';

/** What of the kernel can be made to work on single processes, tried here and now. */
export function kernelFacts(): readonly Capability[] {
  const fact = (name: string, refusal: string, detail: string): Capability => ({ name, available: refusal === '', detail: refusal || detail });
  const root = process.geteuid?.() === 0;
  const byHelper = root ? '' : '; only root can try, and the helper (sudo firebreak helper) does it for this user';
  const freezer = usableFreezer(`tried-${randomBytes(4).toString('hex')}`);
  const freezing = 'refusal' in freezer ? freezer.refusal : '';
  return [
    fact('control groups', controlTrees().length === 0 ? 'none are mounted' : '', treesInWords()),
    fact('freeze processes', freezing, 'refusal' in freezer ? '' : `in ${freezer.mount}, version ${freezer.v2 ? 2 : 1}`),
    fact('fail calls at sockets (BPF)', noBpf() || noUnifiedTree(), root ? 'programs for connect, bind, sockets and packets were loaded' : `the way to load programs is there${byHelper}`),
    fact('fail calls on the files of a folder (fanotify)', noFanotify(), noFanotify() === '' && root ? meansInWords() : `the way to ask the kernel is there${byHelper}`),
    fact('cut writes short, strike open files (ptrace)', noTracing(), root ? '' : byHelper.slice(2)),
    fact('fail any system call (strace)', noTrace(), root ? '' : byHelper.slice(2)),
  ];
}

/** What the kernel tells a guard of files, on the disk of the folder for temporary files. */
function meansInWords(): string {
  const { errors, writes } = fileMeans(tmpdir());
  return [errors ? 'with EIO, ENOSPC and others' : 'with EPERM alone', writes ? 'opens, reads and writes' : `opens and reads, not writes, on the disk of ${tmpdir()}`].join('; ');
}

/** Which versions, and what each controls. */
function treesInWords(): string {
  const trees = controlTrees();
  const older = trees.filter(({ v2 }) => !v2).flatMap(({ controllers }) => controllers.filter((one) => /^[a-z_]+$/.test(one) && !['rw', 'ro', 'xattr'].includes(one)));
  const newer = trees.filter(({ v2 }) => v2).map(({ mount }) => `version 2 at ${mount} (${readText(join(mount, 'cgroup.controllers')).trim() || 'no controllers'})`);
  return [...(older.length === 0 ? [] : [`version 1 (${[...new Set(older)].join(', ')})`]), ...newer].join('; ');
}
