/** One question and one answer on a stream of its own, each one frame: how joining talks. */

import type { Stream } from '@libp2p/interface';
import * as lengthPrefixed from 'it-length-prefixed';
import { pipe } from 'it-pipe';
import { failure, type Result, success } from '../result.ts';

/** The first frame that comes, or why none did. Never rejects. */
export async function readFrame(
  stream: Stream,
  options: Readonly<{ bytesMax: number; timeoutMs: number }>,
): Promise<Result<Uint8Array>> {
  const timer = setTimeout(() => stream.abort(new Error('took too long')), options.timeoutMs);
  try {
    return await pipe(
      stream,
      (source) => lengthPrefixed.decode(source, { maxDataLength: options.bytesMax }),
      async (frames): Promise<Result<Uint8Array>> => {
        for await (const frame of frames) return success(frame.subarray());
        return failure('closed', 'The other side closed the stream without a word.');
      },
    );
  } catch (error) {
    return failure('closed', error instanceof Error ? error.message : String(error));
  } finally {
    clearTimeout(timer);
  }
}

/** Sends one frame; false when the stream is closed already. */
export function writeFrame(stream: Stream, bytes: Uint8Array): boolean {
  try {
    stream.send(lengthPrefixed.encode.single(bytes).subarray());
    return true;
  } catch {
    return false;
  }
}
