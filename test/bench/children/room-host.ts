import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Session } from '../../../engine/cli/session.ts';
import { createEngine } from '../../../engine/index.ts';
import { openPage } from '../../../engine/transport/page.ts';
import { listenLoopback } from '../../../engine/transport/websocket.ts';

/**
 * An engine that serves the room, in a process of its own as in life. Argument: the folder of the built room. Prints
 * `{"url", "wsUrl"}`, for a browser and for a client of the contract. When its stdin ends it reverts, closes and ends.
 */
const [folder = ''] = process.argv.slice(2);
await using stack = new AsyncDisposableStack();
const stateDir = mkdtempSync(join(tmpdir(), 'firebreak-bench-'));
stack.defer(() => rmSync(stateDir, { recursive: true, force: true }));
const session = stack.use(new Session(await createEngine({ stateDir })));
const server = stack.use(await listenLoopback((port) => void session.serve(port), { room: openPage(folder) }));
process.stdout.write(`${JSON.stringify({ url: server.roomUrl, wsUrl: server.url })}\n`);
await new Promise((resolve) => process.stdin.resume().on('end', resolve).on('close', resolve));
