/**
 * Good inputs made bad: bytes and texts with pieces flipped, cut, repeated, exchanged with those of
 * another good input, or replaced by what parsers trip over.
 */

import type { Dice } from './random.ts';

/** Lengths, counts and signs at the edges of their types, as they stand in binary formats. */
const edges = [
  [0x00],
  [0x7f],
  [0x80],
  [0xff],
  [0x7f, 0xff, 0xff, 0xff],
  [0x80, 0x00, 0x00, 0x00],
  [0xff, 0xff, 0xff, 0xff],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
  [0x00, 0x00, 0x00, 0x01],
  [0x7f, 0xf0, 0, 0, 0, 0, 0, 0],
  [0xc0, 0x80],
  [0xed, 0xa0, 0x80],
].map((each) => Buffer.from(each));

/** Text that means something to one parser or another. */
const snippets = [
  '\0',
  '\ufeff',
  '\u2028',
  '\ud800',
  '__proto__',
  'constructor',
  '-1',
  '1e999',
  '9007199254740993',
  'NaN',
  '&#x2f;',
  '&amp;lt;',
  '<!DOCTYPE a [<!ENTITY b "c">]>',
  '<![CDATA[',
  ']]>',
  '<!--',
  '-->',
  '<?xml version="1.0" encoding="UTF-7"?>',
  '"',
  "'",
  '\\u0000',
  '{',
  '[',
  '}',
  ']',
  ': ',
  '- ',
  '*a',
  '&a ',
  '<<: ',
  '!!binary ',
  '? ',
  '\t',
  '\r',
];

export function mutateBytes(dice: Dice, good: Uint8Array, other: Uint8Array, max: number): Buffer {
  let bytes: Buffer = Buffer.from(good);
  for (let left = 1 + dice.length(8); left > 0; left -= 1) {
    const at = dice.below(bytes.length + 1);
    const end = Math.min(bytes.length, at + dice.length(64));
    switch (dice.below(8)) {
      case 0:
        if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << dice.below(8));
        break;
      case 1:
        bytes = splice(bytes, at, end, Buffer.alloc(0));
        break;
      case 2:
        bytes = splice(bytes, at, at, bytes.subarray(at, end));
        break;
      case 3:
        bytes = splice(bytes, at, end, dice.bytes(dice.length(16)));
        break;
      case 4:
        bytes = splice(bytes, at, at + (dice.oneIn(2) ? 4 : 0), dice.pick(edges));
        break;
      case 5: {
        const from = dice.below(other.length + 1);
        bytes = splice(bytes, at, end, other.subarray(from, from + dice.length(256)));
        break;
      }
      case 6:
        bytes = bytes.subarray(0, at);
        break;
      default:
        if (at < bytes.length) bytes[at] = dice.word();
    }
  }
  return grow(dice, bytes, max).subarray(0, max);
}

/** Once in two thousand an input is blown up to what its decoder takes at most: that is where time goes. */
function grow(dice: Dice, bytes: Buffer, max: number): Buffer {
  if (bytes.length === 0 || !dice.oneIn(2000)) return bytes;
  const at = dice.below(bytes.length);
  const piece = bytes.subarray(at, at + 1 + dice.length(64));
  const times = Math.ceil((max - bytes.length) / piece.length);
  return splice(bytes, at, at, Buffer.concat(Array<Buffer>(Math.max(0, times)).fill(piece)));
}

function splice(bytes: Buffer, from: number, to: number, piece: Uint8Array): Buffer {
  return Buffer.concat([bytes.subarray(0, from), piece, bytes.subarray(Math.max(from, to))]);
}

/** `words`: what the format under test knows, to be put where it does not belong. */
export function mutateText(
  dice: Dice,
  good: string,
  other: string,
  words: readonly string[],
  max: number,
): string {
  let text = good;
  for (let left = 1 + dice.length(8); left > 0; left -= 1) {
    const at = dice.below(text.length + 1);
    const end = at + dice.length(40);
    const piece = text.slice(at, end);
    switch (dice.below(8)) {
      case 0:
        text = text.slice(0, at) + text.slice(end);
        break;
      case 1:
        text = text.slice(0, at) + piece.repeat(1 + dice.length(8)) + text.slice(at);
        break;
      case 2:
        text = text.slice(0, at) + dice.pick(snippets) + text.slice(dice.oneIn(2) ? at : end);
        break;
      case 3:
      case 4:
        text = text.slice(0, at) + dice.pick(words) + text.slice(dice.oneIn(2) ? at : end);
        break;
      case 5: {
        const from = dice.below(other.length + 1);
        text = text.slice(0, at) + other.slice(from, from + dice.length(200)) + text.slice(end);
        break;
      }
      case 6:
        text = text.slice(0, at) + String.fromCharCode(dice.below(128)) + text.slice(at + 1);
        break;
      default:
        text = exchangeWord(dice, text, at, words);
    }
  }
  if (text.length > 0 && dice.oneIn(2000)) {
    const at = dice.below(text.length);
    const piece = text.slice(at, at + 1 + dice.length(64));
    const times = Math.floor(Math.max(0, max - text.length) / piece.length);
    text = text.slice(0, at) + piece.repeat(times) + text.slice(at);
  }
  return text.slice(0, max);
}

/** Replaces the next whole word or number, so that what surrounds it stays well formed. */
function exchangeWord(dice: Dice, text: string, at: number, words: readonly string[]): string {
  const found = /[A-Za-z0-9_./-]+/.exec(text.slice(at, at + 200));
  if (found === null) return text;
  const start = at + found.index;
  const word = dice.oneIn(3) ? dice.pick(snippets) : dice.pick(words);
  return text.slice(0, start) + word + text.slice(start + found[0].length);
}
