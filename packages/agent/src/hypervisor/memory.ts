/** What a domain takes of its host's memory: its maximum, and what QEMU needs besides. */

import type { DomainDefinition } from './domain-xml.ts';

const mebibyte = 1024 * 1024;

/** QEMU's code, heap, device models and buffers. */
const baseBytes = 48 * mebibyte;
/** A thread's stack, its KVM state and its share of I/O buffers. */
const vcpuBytes = 8 * mebibyte;
const videoBytes = 16 * mebibyte;
/** A page table entry of 8 bytes for each page of 4 KiB. */
const pageTableShare = 512;

/**
 * Maximum memory plus overhead, in bytes. The guest's own idea of free memory plays no part: what it
 * may use, it will.
 */
export function domainMemoryBytes(
  definition: Pick<DomainDefinition, 'memoryBytes' | 'vcpus' | 'videoDevices'>,
): number {
  const { memoryBytes, vcpus, videoDevices } = definition;
  const overhead =
    baseBytes +
    vcpus * vcpuBytes +
    videoDevices * videoBytes +
    Math.ceil(memoryBytes / pageTableShare);
  return memoryBytes + overhead;
}
