/** How large things on the wire may be. Every list and text a peer can send is bounded by one of these. */

export const limits = {
  /** One frame on the stream between two peers. */
  frameBytes: 512 * 1024,
  /** The JSON of one request or response. */
  jsonBytes: 256 * 1024,
  /** How deeply JSON from a peer may be nested. */
  jsonDepth: 32,
  /** A domain id (a UUID has 36 characters), a deal or settlement id. */
  id: 128,
  /** A peer id; 52 characters for Ed25519 keys. */
  host: 128,
  /** A host's, domain's or policy group's name. */
  name: 256,
  /** A sentence for people. */
  detail: 1024,
  code: 64,
  locationLevels: 16,
  /** Offers in one book; agents send at most 200. */
  offers: 512,
  /** Entries of one traffic row. */
  rates: 4096,
  partners: 32_768,
  /** Distinct ids and locations that one book names. */
  references: 40_000,
  groups: 8192,
  pins: 256,
  exchange: 4096,
  /** Hosts named in one message. */
  notices: 8192,
  /** Domains or addresses announced, sought or found in one message; agents send at most a quarter. */
  sought: 1024,
  /** Hosts named as standing somewhere; agents send at most 8. */
  standing: 64,
  macAddresses: 64,
  macAddress: 32,
  /** Addresses announced for one peer. */
  multiaddrs: 8,
  multiaddr: 160,
  rosterEntryBytes: 24 * 1024,
  rosterEntries: 1024,
  hints: 1024,
} as const;
