/**
 * The locations that matter to somebody, as a tree: how near a host stands to any of them follows from how far down its
 * own location leads, so hosts for which that is the same are alike.
 *
 *   of ['pod0', 'rack0'] and ['pod1', 'rack5'] known, ['pod0', 'rack7'] and ['pod0', 'rack8'] both end at pod0
 */

import type { Location } from '../model/model.ts';

/** Where locations end that lead equally far down. */
export type LocationNode = {
  readonly children: Map<string, LocationNode>;
  /** What somebody has found out about such locations, by how many levels they have; distances follow from that, too. */
  readonly known: number[];
};

export class LocationTree {
  readonly #root = newNode();

  add(location: Location): void {
    let node = this.#root;
    for (const level of location) {
      let child = node.children.get(level);
      if (child === undefined) {
        child = newNode();
        node.children.set(level, child);
      }
      node = child;
    }
  }

  /** The farthest that a location leads down. */
  find(location: Location): LocationNode {
    let node = this.#root;
    for (const level of location) {
      const child = node.children.get(level);
      if (child === undefined) return node;
      node = child;
    }
    return node;
  }
}

function newNode(): LocationNode {
  return { children: new Map(), known: [] };
}
