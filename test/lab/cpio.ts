import { openSync, closeSync, readFileSync, writeSync } from 'node:fs';

/**
 * An archive that the Linux kernel takes as its first file system: format `newc`, cpio(5), of Documentation/driver-api/
 * early-userspace/buffer-format.rst. Written piece by piece: it may be larger than one buffer should be.
 */
export class Cpio implements Disposable {
  readonly #fd: number;
  readonly #folders = new Set<string>(['']);
  #ino = 1;

  constructor(path: string) {
    this.#fd = openSync(path, 'w');
  }

  file(path: string, from: string | Buffer, executable = false): void {
    this.#parents(path);
    this.#entry(path, 0o100000 | (executable ? 0o755 : 0o644), typeof from === 'string' ? readFileSync(from) : from);
  }
  link(path: string, target: string): void {
    this.#parents(path);
    this.#entry(path, 0o120777, Buffer.from(target));
  }
  folder(path: string): void {
    if (this.#folders.has(path)) return;
    this.#folders.add(path);
    this.#parents(path);
    this.#entry(path, 0o040755, Buffer.alloc(0));
  }
  device(path: string, major: number, minor: number): void {
    this.#parents(path);
    this.#entry(path, 0o020600, Buffer.alloc(0), [major, minor]);
  }

  #parents(path: string): void {
    this.folder(path.split('/').slice(0, -1).join('/'));
  }

  #entry(path: string, mode: number, data: Buffer, [major, minor]: readonly [number, number] = [0, 0]): void {
    const name = Buffer.from(`${path}\0`);
    // ino, mode, uid, gid, nlink, mtime, filesize, device of the file (2), device that it is (2), namesize, check
    const fields = [this.#ino++, mode, 0, 0, 1, 0, data.length, 0, 0, major, minor, name.length, 0];
    const head = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`);
    this.#write(Buffer.concat([head, name]));
    this.#write(data);
  }

  #write(piece: Buffer): void {
    for (let done = 0; done < piece.length;) done += writeSync(this.#fd, piece, done);
    const rest = (4 - (piece.length % 4)) % 4;
    if (rest > 0) writeSync(this.#fd, Buffer.alloc(rest));
  }

  [Symbol.dispose](): void {
    this.#entry('TRAILER!!!', 0, Buffer.alloc(0));
    closeSync(this.#fd);
  }
}
