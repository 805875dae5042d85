import { execFileSync } from 'node:child_process';
import { errnoOf } from '../kernel/errors.ts';
import { runtimeEnv } from './spawn.ts';

/** Where what the network of this machine can do is tried: a network namespace of its own, which goes when the trial ends. */

/** A user's path often lacks the folders of what is for root. */
export const TOOL_PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin:/usr/bin:/bin`;
const PACKAGES: Readonly<Record<string, string>> = { tc: 'iproute2', ip: 'iproute2', nft: 'nftables', unshare: 'util-linux' };

/**
 * Runs a program in a new network namespace; without root also in a user namespace of its own.
 * @returns what it printed. @throws what execFileSync throws.
 */
export function inScratch(program: string, args: readonly string[], input: string): string {
  const mapped = process.geteuid?.() === 0 ? [] : ['--map-root-user'];
  return execFileSync('unshare', ['--net', ...mapped, '--', program, ...args], {
    input, timeout: 5_000, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'], env: { PATH: TOOL_PATH, LC_ALL: 'C', ...runtimeEnv() },
  });
}

/** Whether this user may have such a namespace. True as well without unshare: the trial then says so. */
export function mayTry(): boolean {
  if (process.platform !== 'linux') return false;
  try {
    inScratch('true', [], '');
    return true;
  } catch (error) {
    return errnoOf(error) === 'ENOENT';
  }
}

/** Why a trial of `program` failed: that it, or unshare, is missing, with the package; or else what it said. */
export function whyRefused(error: unknown, program: string): { readonly missing: string } | { readonly said: string } {
  const text = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
  const missing = errnoOf(error) === 'ENOENT' ? 'unshare' : /failed to execute|No such file or directory$/.test(text) ? program : undefined;
  if (missing !== undefined) return { missing: `there is no ${missing} (apt install ${PACKAGES[missing] ?? missing})` };
  return { said: text.split('\n').find((line) => line.trim() !== '') ?? '' };
}
