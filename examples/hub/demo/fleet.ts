/** A fleet that is made up, but the same wherever it runs: no machine is like another, and three of them are in trouble. */

/** Times here are whole minutes since 1970. */
const day = 1440
export const kept = 30 * day

/** What a server is like. Loads and sizes are percent, of what it has; `offline` and `silent` are minutes since it was heard of. */
export type Machine = Readonly<{
  id: string
  system: readonly [distribution: string, version: string, kernel: string, architecture: string]
  watts: number
  memory: Readonly<{ gigabytes: number; used: number; shape: 'flat' | 'leaks' | 'works' }>
  disk: Readonly<{ gigabytes: number; used: number; grows: number }>
  cpu: Readonly<{ idle: number; busy: number; shape: 'flat' | 'daily' | 'evening' | 'nightly' | 'bursts' }>
  megabits: number
  /** days from start to start */
  restarts: number
  offline?: number
  silent?: number
  /** minutes of each day, UTC, in which it is switched off */
  off?: readonly [from: number, to: number]
}>

const debian = ['Debian', '13', '6.12.48', 'amd64'] as const
const raspberry = ['Raspberry Pi OS', '13', '6.12.47', 'arm64'] as const

// biome-ignore format: a table
export const fleet: readonly Machine[] = [
  { id: 'nas', system: ['OpenMediaVault', '7.7', '6.12.43', 'amd64'], watts: 45, memory: { gigabytes: 32, used: 38, shape: 'works' }, disk: { gigabytes: 16_000, used: 93, grows: 2 }, cpu: { idle: 6, busy: 45, shape: 'nightly' }, megabits: 180, restarts: 61 },
  { id: 'mediaserver', system: debian, watts: 65, memory: { gigabytes: 16, used: 44, shape: 'works' }, disk: { gigabytes: 2000, used: 71, grows: 9 }, cpu: { idle: 4, busy: 72, shape: 'evening' }, megabits: 60, restarts: 23 },
  { id: 'router', system: ['OpenWrt', '24.10.3', '6.6.104', 'arm64'], watts: 8, memory: { gigabytes: 0.5, used: 31, shape: 'flat' }, disk: { gigabytes: 0.2, used: 24, grows: 0 }, cpu: { idle: 5, busy: 22, shape: 'daily' }, megabits: 240, restarts: 118 },
  { id: 'pihole', system: raspberry, watts: 3, memory: { gigabytes: 1, used: 27, shape: 'flat' }, disk: { gigabytes: 29, used: 18, grows: 1 }, cpu: { idle: 2, busy: 6, shape: 'daily' }, megabits: 1, restarts: 90 },
  { id: 'home-assistant', system: ['HAOS', '16.2', '6.12.41', 'arm64'], watts: 6, memory: { gigabytes: 4, used: 40, shape: 'leaks' }, disk: { gigabytes: 58, used: 46, grows: 6 }, cpu: { idle: 9, busy: 18, shape: 'bursts' }, megabits: 2, restarts: 7 },
  { id: 'backup', system: debian, watts: 30, memory: { gigabytes: 8, used: 22, shape: 'works' }, disk: { gigabytes: 8000, used: 64, grows: 5 }, cpu: { idle: 3, busy: 80, shape: 'nightly' }, megabits: 90, restarts: 40, offline: 3 * day },
  { id: 'git', system: ['Alpine', '3.22', '6.12.50', 'amd64'], watts: 15, memory: { gigabytes: 4, used: 52, shape: 'leaks' }, disk: { gigabytes: 120, used: 57, grows: 3 }, cpu: { idle: 3, busy: 60, shape: 'bursts' }, megabits: 8, restarts: 11 },
  { id: 'cameras', system: ['Ubuntu', '24.04', '6.8.0-85', 'amd64'], watts: 35, memory: { gigabytes: 16, used: 66, shape: 'flat' }, disk: { gigabytes: 4000, used: 82, grows: 4 }, cpu: { idle: 52, busy: 20, shape: 'daily' }, megabits: 48, restarts: 52 },
  { id: 'k3s-1', system: debian, watts: 12, memory: { gigabytes: 8, used: 61, shape: 'leaks' }, disk: { gigabytes: 250, used: 41, grows: 4 }, cpu: { idle: 16, busy: 42, shape: 'bursts' }, megabits: 20, restarts: 9 },
  { id: 'workstation', system: debian, watts: 90, memory: { gigabytes: 64, used: 30, shape: 'works' }, disk: { gigabytes: 1000, used: 55, grows: 3 }, cpu: { idle: 8, busy: 58, shape: 'daily' }, megabits: 35, restarts: 1, off: [22 * 60 + 20, 24 * 60 + 5 * 60 + 40] },
  { id: 'printer', system: raspberry, watts: 4, memory: { gigabytes: 1, used: 34, shape: 'flat' }, disk: { gigabytes: 15, used: 35, grows: 0 }, cpu: { idle: 4, busy: 30, shape: 'bursts' }, megabits: 1, restarts: 33, silent: 9 * 60 },
]

/** How busy a machine is in a minute, from 0 to 1. */
const business: Readonly<Record<Machine['cpu']['shape'], (minute: number, seed: number) => number>> = {
  flat: () => 0.2,
  daily: minute => wave(minute, 15 * 60) ** 2,
  evening: (minute, seed) =>
    isIn(minute, 18 * 60 + 30, 23 * 60) && noise(seed, Math.floor(minute / 45)) > 0.3 ? 1 : 0.05,
  nightly: minute => (isIn(minute, 2 * 60, 3 * 60 + 40) ? 1 : 0.08 + 0.1 * wave(minute, 20 * 60)),
  bursts: (minute, seed) => (noise(seed, Math.floor(minute / 25)) > 0.86 ? 1 : 0.12),
}

/** How much more than usual a machine's memory holds, in percent of it. */
const growth: Readonly<Record<Machine['memory']['shape'], (share: number, busy: number) => number>> = {
  flat: () => 0,
  leaks: share => 30 * share,
  works: (_, busy) => 25 * busy,
}

const isIn = (minute: number, from: number, to: number): boolean => minute % day >= from && minute % day < to
/** From 0 to 1, and 1 at a minute of the day. */
const wave = (minute: number, peak: number): number => 0.5 + 0.5 * Math.cos(((minute - peak) / day) * 2 * Math.PI)
/** From 0 to 1, by its two arguments alone. */
const noise = (seed: number, step: number): number => {
  const mixed = Math.imul((seed * 0x9e3779b1) ^ (step * 0x85ebca6b), 0xc2b2ae35)
  const more = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d)
  return ((more ^ (more >>> 13)) >>> 0) / 2 ** 32
}

export const isOff = ({ off }: Machine, minute: number): boolean =>
  off !== undefined && (isIn(minute, off[0], day) || isIn(minute, 0, off[1] - day))

export type Value = string | number
/** The columns of a metric, in the order of metricOf. */
export const columns = [
  ...['server_id', 'timestamp', 'cpu_percent', 'memory_percent', 'memory_total_mb', 'memory_used_mb'],
  ...['disk_percent', 'disk_total_gb', 'disk_used_gb', 'network_rx_bytes', 'network_tx_bytes'],
  ...['load_1m', 'load_5m', 'load_15m', 'uptime_seconds'],
]

/** @param now the minute in which the disk is as full as the fleet says */
export const metricOf = (machine: Machine, seed: number, minute: number, now: number): readonly Value[] => {
  const { cpu, memory, disk, megabits, restarts, off } = machine
  const since = off === undefined ? minute % (restarts * day) : (minute - off[1] + 2 * day) % day
  const busy = business[cpu.shape](minute, seed)
  const cpuPercent = Math.min(
    100,
    cpu.idle + cpu.busy * busy * (0.8 + 0.3 * noise(seed + 300, minute)) + 4 * noise(seed, minute),
  )
  const held = growth[memory.shape](since / (restarts * day), busy) + 2 * noise(seed + 200, Math.floor(minute / 5))
  const memoryPercent = Math.min(97, memory.used + held)
  const diskPercent = disk.used - (disk.grows * (now - minute)) / kept
  const received = since * megabits * 1_500_000
  const load = cpuPercent / 25
  return [
    ...[`demo-${machine.id}`, textOf(minute), round(cpuPercent), round(memoryPercent)],
    ...[memory.gigabytes * 1024, Math.round(memory.gigabytes * 10.24 * memoryPercent)],
    ...[
      round(diskPercent),
      disk.gigabytes,
      round((disk.gigabytes * diskPercent) / 100),
      received,
      Math.round(received / 7),
    ],
    ...[round(load), round(load * 0.9), round(load * 0.8), since * 60],
  ]
}

/** To two digits after the point, as agents report. */
const round = (value: number): number => Math.round(value * 100) / 100
const textOf = (minute: number): string => new Date(minute * 60_000).toISOString().slice(0, 19).replace('T', ' ')
