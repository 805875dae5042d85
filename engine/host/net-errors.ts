import { type NetNamespace, runIn } from './net-namespace.ts';

/** Of IPv4 and of what is common to both, in pairs of lines; of IPv6, one a line: packets whose checksum, or whose head, is wrong. */
const IN_COLUMNS: Readonly<Record<string, string>> = { Ip: 'InHdrErrors', Icmp: 'InCsumErrors', Tcp: 'InCsumErrors', Udp: 'InCsumErrors', UdpLite: 'InCsumErrors' };
const IN_LINES = /^(?:Icmp6|Udp6|UdpLite6)InCsumErrors\s+(\d+)$/gm;

/** How many packets have arrived in a namespace that were not as they were sent, since it was made. @throws FirebreakError `command-failed` */
export async function damagedPackets(namespace: NetNamespace): Promise<number> {
  const [four, six] = await Promise.all(['/proc/net/snmp', '/proc/net/snmp6'].map((path) => runIn(namespace, 'cat', [path]).catch(() => '')));
  const lines = (four ?? '').split('\n').map((line) => line.split(/:? /));
  const counted = lines.flatMap(([kind = '', ...names], i) => {
    const [same, ...values] = lines[i + 1] ?? [];
    const column = same === kind ? names.indexOf(IN_COLUMNS[kind] ?? '') : -1;
    return column < 0 ? [] : [Number(values[column])];
  });
  return [...counted, ...[...(six ?? '').matchAll(IN_LINES)].map(([, value]) => Number(value))].reduce((sum, value) => sum + value, 0);
}
