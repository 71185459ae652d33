/**
 * The traffic among the offers of two books, as arrays that a search can walk without looking anything up.
 */

/** Those of offer i are at firstEdge[i] … firstEdge[i + 1]; every pair is there from both ends. */
export type Edges = Readonly<{
  firstEdge: Uint32Array;
  edgeTo: Uint32Array;
  edgeRate: Float64Array;
}>;

/** One entry of a row that names another offer. */
export type Link = Readonly<{ from: number; to: number; rate: number }>;

/**
 * Both directions of every pair, at the larger of the two rates that the rows of its ends show. A partner
 * named twice in a row adds up.
 */
export function joinLinks(count: number, links: readonly Link[]): Edges {
  const rates = new Map<number, number>();
  for (const { from, to, rate } of links) {
    const key = from * count + to;
    rates.set(key, (rates.get(key) ?? 0) + rate);
  }
  const firstEdge = new Uint32Array(count + 1);
  const pairs: Link[] = [];
  for (const [key, rate] of rates) {
    const from = Math.floor(key / count);
    const to = key % count;
    const back = rates.get(to * count + from);
    // The pair is entered once: by its first end, or by the only one that names it.
    if (back !== undefined && from > to) continue;
    pairs.push({ from, to, rate: Math.max(rate, back ?? 0) });
    add(firstEdge, from + 1, 1);
    add(firstEdge, to + 1, 1);
  }
  for (let i = 0; i < count; i++) add(firstEdge, i + 1, firstEdge[i] ?? 0);
  const next = firstEdge.slice(0, count);
  const edgeTo = new Uint32Array(2 * pairs.length);
  const edgeRate = new Float64Array(2 * pairs.length);
  const enter = (from: number, to: number, rate: number): void => {
    const edge = next[from] ?? 0;
    edgeTo[edge] = to;
    edgeRate[edge] = rate;
    next[from] = edge + 1;
  };
  for (const { from, to, rate } of pairs) {
    enter(from, to, rate);
    enter(to, from, rate);
  }
  return { firstEdge, edgeTo, edgeRate };
}

/** All traffic of one offer with other offers. */
export function linkRate({ firstEdge, edgeRate }: Edges, offer: number): number {
  let sum = 0;
  for (let e = firstEdge[offer] ?? 0; e < (firstEdge[offer + 1] ?? 0); e++) sum += edgeRate[e] ?? 0;
  return sum;
}

function add(values: Uint32Array, at: number, amount: number): void {
  values[at] = (values[at] ?? 0) + amount;
}
