import { z } from 'zod';
import { faultId, runId } from '../kernel/brands.ts';
import { effect } from '../kernel/fault.ts';
import { millis } from '../kernel/brands.ts';
import { type Api } from './api.ts';
import { capability } from './models.ts';

/**
 * What an engine without rights may ask of the helper that has them: the steps of a fault's life, by the number of the
 * fault and nothing else. Which commands that means is the helper's business: no shell, no path, no undo record crosses.
 */

const nothing = z.strictObject({});
const ofFault = z.strictObject({ fault: faultId });

/** One exact target; the undo record stays with the helper. */
export const helperTarget = z.object({
  fault: faultId,
  target: z.string(),
  action: z.string(),
  inverse: z.string(),
  reversible: z.boolean(),
  takes: z.array(z.string()).optional(),
});

export const helperApi = {
  queries: {
    /** Who asks (a process that no fault may touch, nor its ancestors), and who answers: its version, and for each type that it may run why it cannot here, or ''. */
    about: { input: z.strictObject({ pid: z.int().positive() }), output: z.object({ version: z.string(), pid: z.int().positive(), types: z.record(z.string(), z.string()) }) },
    /** What it can do on this machine, tried now. */
    capabilities: { input: nothing, output: z.array(capability) },
    /** Resolves the targets of a policy; changes nothing. Throws what the injector throws, and `not-allowed`. */
    plan: {
      input: z.strictObject({
        run: runId,
        policy: z.string().max(256),
        type: z.string().max(64),
        target: z.string().max(4_096),
        /** As a file would say them, checked again by the manifest of the type. */
        params: z.record(z.string(), z.unknown()),
        seed: z.int(),
        hold: z.number().min(0).transform(millis),
        /** The routes of the file, whose hosts Firebreak itself must go on finding. */
        routes: z.array(z.object({ name: z.string(), protocol: z.string(), listen: z.string(), upstream: z.string() })).max(1_000),
      }),
      output: z.array(helperTarget),
    },
    /** The state that the fault touches; see Injector.fingerprint. The first one journals the fault: it is about to begin. */
    fingerprint: { input: ofFault, output: z.string() },
    verify: { input: ofFault, output: effect },
  },
  commands: {
    /** Injects what was planned by this caller, journaled first. Throws `unknown-fault`. */
    inject: { input: ofFault, output: nothing },
    /** Undoes it from the helper's journal and proves it; whoever asks. Throws `residue`. */
    revert: { input: ofFault, output: nothing },
    /** The caller lives. What it has injected is reverted when it has not said so for 10 s, or leaves. */
    beat: { input: nothing, output: nothing },
  },
  streams: {
    /** What was injected, in words, as it happens. */
    injected: { input: nothing, item: z.object({ fault: faultId, detail: z.string() }), delivery: 'every' },
  },
} as const satisfies Api;
