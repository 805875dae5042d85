import { listProcesses } from '../../engine/host/processes.ts';
import { programOf, type ServerSpec } from '../../engine/host/server-process.ts';

/** The same server, started again on the same folder whenever it ends, as a machine does whose power is back. */
export function lasting(spec: ServerSpec): ServerSpec {
  const script = `trap 'kill -s ${(spec.stopSignal ?? 'SIGTERM').slice(3)} $p; wait $p; exit' TERM
    while :; do "$@" & p=$!; wait $p; sleep 0.2; done`;
  return {
    ...spec,
    command: (place) => {
      const [program, ...args] = spec.command(place);
      return ['sh', '-c', script, 'sh', programOf(program) ?? program, ...args];
    },
    stopSignal: 'SIGTERM',
  };
}

/**
 * Ends such a server with all its processes at once, as a power cut does: the first one is held, so that it puts nothing in
 * order. It is coming again when this returns.
 * @param pid what startServer tells of it.
 */
export function cutPower(pid: number): void {
  const childrenOf = (parent: number): readonly number[] =>
    listProcesses()
      .filter(({ ppid }) => ppid === parent)
      .map((child) => child.pid);
  const [first] = childrenOf(pid);
  if (first === undefined) throw new Error('no server is running');
  process.kill(first, 'SIGSTOP');
  for (const child of [...childrenOf(first), first]) process.kill(child, 'SIGKILL');
}
