import { type Planned } from './grounds.ts';

/** Plans that must pass: near to what is refused, and right. */
export const PASSING: readonly Planned[] = [
  { name: 'one of three processes', policies: ({ fleet }) => `type: process, target: "cmd:${fleet.word}"` },
  { name: 'all but one, killed', policies: ({ fleet }) => `type: process, target: "cmd:${fleet.word}", action: kill, percentage: 99` },
  { name: 'a process by its number, the only one', policies: ({ lone }) => `type: process, target: "pid:${lone.pid}", allow_last: true` },
  { name: 'two of a fleet, frozen again and again', policies: ({ fleet }) => `type: process, target: "cmd:/${fleet.word}/", action: freeze, percentage: 67, interval: 1s, stop_duration: 500ms` },
  { name: 'processes of a user', policies: ({ fleet }) => `type: process, target: "pid:${fleet.pids.join(',')}", probability: 0.5` },
  { name: 'connections of one process', policies: ({ lone }) => `type: kernel, target: "cmd:${lone.word}", action: connect, port: 5432, errno: ETIMEDOUT` },
  { name: 'connections of a whole fleet that is asked for', policies: ({ fleet }) => `type: kernel, target: "cmd:${fleet.word}", percentage: 100, probability: 0.3` },
  { name: 'reads of one file', policies: ({ lone }) => `type: kernel, target: "cmd:${lone.word}", action: call, calls: "read,pread64", path: /srv/data, every_nth: 3` },
  { name: 'packets of one process', policies: ({ lone }) => `type: kernel, target: "cmd:${lone.word}", action: packet, direction: ingress, probability: 0.1` },
  { name: 'one port slow', policies: ({ world }) => `type: network, target: "netns:${world.here}/${world.dev}", port: 5432, rate: 1mbit` },
  { name: 'two ports at once', policies: ({ world }) => ['port: 5432, rate: 1mbit', 'port: 9000, loss: 0.1'].map((one) => `type: network, target: "netns:${world.here}/${world.dev}", ${one}`) },
  { name: 'a whole interface that is nobody\'s way back', policies: ({ world }) => `type: network, target: "netns:${world.here}/${world.dev}", partition: drop` },
  { name: 'one way only, IPv6 only', policies: ({ world }) => `type: network, target: "netns:${world.here}/${world.dev}", cidr: "fd99::/64", direction: ingress, partition: reject` },
  { name: 'beside a foreign queue, with rules alone', policies: ({ foreign }) => `type: network, target: "netns:${foreign.here}/${foreign.dev}", loss: 0.2` },
  { name: 'a port of the loopback interface', policies: () => 'type: network, target: lo, port: 54321, loss: 0.5' },
  { name: 'two names for the same programs', policies: ({ world }) => ['names: a.example.org', 'names: b.example.org, action: delay'].map((one) => `type: dns, target: "netns:${world.here}", ${one}`) },
  { name: 'a disk of the test filled', policies: ({ disk }) => `type: disk, target: ${disk.path}, action: fill, percentage: 80, reserve_mb: 1` },
  { name: 'its inodes', policies: ({ disk }) => `type: disk, target: ${disk.path}/inner, action: inodes, percentage: 100` },
  { name: 'its mount read-only', policies: ({ disk }) => `type: disk, target: ${disk.path}, action: read-only` },
  { name: 'writing to it, slowed for one process', policies: ({ disk, lone }) => `type: disk, target: ${disk.path}, action: limit, processes: "cmd:${lone.word}", write_rate: 100` },
  { name: 'a clock of its own', policies: ({ clocked }) => `type: time, target: "pid:${clocked.pid}", offset: 48h` },
  { name: 'a little memory and one core', policies: () => 'type: resource, target: host, ram_mb: 64, cpu_cores: 1, cpu_load: 0.3' },
  { name: 'three layers at once', policies: ({ disk, fleet, world }) => [`type: process, target: "cmd:${fleet.word}"`, `type: disk, target: ${disk.path}, action: fill, percentage: 80, reserve_mb: 1`, `type: network, target: "netns:${world.here}/${world.dev}", port: 5432, loss: 0.1`] },
];
